package spec

import (
	"testing"
)

func TestValidateResources(t *testing.T) {
	in := func(resources string) string { return `{"linux":{"resources":` + resources + `}}` }
	check(t, []validation{
		good(in(`{"devices":[{"allow":false,"access":"rwm"},{"type":"a"},` +
			`{"type":"c","major":-1,"minor":0,"access":"m"},{"type":"b","major":4095,"minor":1048575,"access":"rr"},` +
			`{"type":"u"}]}`)),
		bad(in(`{"devices":[{"type":"p"},{"access":"x"}]}`), "linux.resources.devices[0].type",
			"linux.resources.devices[1].access"),
		bad(in(`{"devices":[{"major":-2,"minor":-2},{"major":4096,"minor":1048576}]}`),
			"linux.resources.devices[0].major", "linux.resources.devices[0].minor",
			"linux.resources.devices[1].major", "linux.resources.devices[1].minor"),
		good(in(`{"memory":{"limit":-1,"reservation":-1,"swap":-1,"kernel":-1,"kernelTCP":-1,"swappiness":100,` +
			`"checkBeforeUpdate":true}}`)),
		good(in(`{"memory":{"limit":5,"swap":5}}`)), good(in(`{"memory":{"limit":5,"swap":0}}`)),
		good(in(`{"memory":{"limit":5,"swap":-1}}`)), good(in(`{"memory":{"swap":5}}`)),
		bad(in(`{"memory":{"limit":-2,"reservation":-2,"swap":-2,"kernel":-2,"kernelTCP":-2,"swappiness":101}}`),
			"linux.resources.memory.limit", "linux.resources.memory.reservation", "linux.resources.memory.swap",
			"linux.resources.memory.kernel", "linux.resources.memory.kernelTCP", "linux.resources.memory.swappiness"),
		bad(in(`{"memory":{"limit":5,"swap":4}}`), "linux.resources.memory.swap"),
		good(in(`{"cpu":{"shares":1,"quota":1000,"burst":1000,"period":1000,"idle":1,"cpus":"0-3,7","mems":"0"}}`)),
		good(in(`{"cpu":{"quota":-1,"burst":5,"period":1000000,"cpus":"0-7:1/2,N","mems":"all"}}`)),
		good(in(`{"cpu":{"quota":0,"period":0,"idle":0}}`)),
		bad(in(`{"cpu":{"quota":999,"period":999,"idle":2,"cpus":"x","mems":"3-1"}}`),
			"linux.resources.cpu.period", "linux.resources.cpu.quota", "linux.resources.cpu.idle",
			"linux.resources.cpu.cpus", "linux.resources.cpu.mems"),
		bad(in(`{"cpu":{"quota":1000,"burst":1001,"period":1000001,"idle":-1}}`),
			"linux.resources.cpu.period", "linux.resources.cpu.burst", "linux.resources.cpu.idle"),
		good(in(`{"pids":{"limit":-1}}`)), good(in(`{"pids":{"limit":0}}`)), good(in(`{"pids":{}}`)),
		bad(in(`{"pids":{"limit":-2}}`), "linux.resources.pids.limit"),
		good(in(`{"blockIO":{"weight":10,"leafWeight":0,"weightDevice":[{"major":8,"minor":0,"weight":1000},` +
			`{"major":8,"minor":0,"leafWeight":0}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}`)),
		bad(in(`{"blockIO":{"weight":9,"leafWeight":1001,"weightDevice":[{"major":8,"minor":0},`+
			`{"major":-1,"minor":-1,"weight":9,"leafWeight":1001}]}}`),
			"linux.resources.blockIO.weight", "linux.resources.blockIO.leafWeight",
			"linux.resources.blockIO.weightDevice[0]",
			"linux.resources.blockIO.weightDevice[1].major", "linux.resources.blockIO.weightDevice[1].minor",
			"linux.resources.blockIO.weightDevice[1].weight", "linux.resources.blockIO.weightDevice[1].leafWeight"),
		bad(in(`{"blockIO":{"throttleReadBpsDevice":[{"major":4096}],"throttleWriteBpsDevice":[{"minor":-1}],`+
			`"throttleReadIOPSDevice":[{},{"major":-1}],"throttleWriteIOPSDevice":[{"minor":1048576}]}}`),
			"linux.resources.blockIO.throttleReadBpsDevice[0].major",
			"linux.resources.blockIO.throttleWriteBpsDevice[0].minor",
			"linux.resources.blockIO.throttleReadIOPSDevice[1].major",
			"linux.resources.blockIO.throttleWriteIOPSDevice[0].minor"),
		good(in(`{"hugepageLimits":[{"pageSize":"64KB"},{"pageSize":"2MB"},{"pageSize":"1GB"}]}`)),
		bad(in(`{"hugepageLimits":[{"pageSize":"2MB"},{"pageSize":"2MB"},{"pageSize":"2M"},{"pageSize":"02MB"},`+
			`{"pageSize":"MB"},{"pageSize":"2TB"},{"pageSize":"2xMB"},{}]}`),
			"linux.resources.hugepageLimits[1].pageSize", "linux.resources.hugepageLimits[2].pageSize",
			"linux.resources.hugepageLimits[3].pageSize", "linux.resources.hugepageLimits[4].pageSize",
			"linux.resources.hugepageLimits[5].pageSize", "linux.resources.hugepageLimits[6].pageSize",
			"linux.resources.hugepageLimits[7].pageSize"),
		good(in(`{"network":{"classID":1,"priorities":[{"name":"eth0","priority":1}]}}`)),
		bad(in(`{"network":{"priorities":[{"name":"eth0"},{"name":"eth 0"},{}]}}`),
			"linux.resources.network.priorities[1].name", "linux.resources.network.priorities[2].name"),
		good(in(`{"rdma":{"mlx5_1":{"hcaHandles":3},"a":{"hcaObjects":0}}}`)),
		bad(in(`{"rdma":{"mlx5_1":{},"a b":{"hcaHandles":3}}}`), "linux.resources.rdma.mlx5_1",
			`linux.resources.rdma["a b"]`),
		good(in(`{"unified":{"memory.high":"1","of.the.future":"2"}}`)),
		bad(in(`{"unified":{"a/b":"1","..":"2","":"3"}}`), `linux.resources.unified[""]`,
			`linux.resources.unified[".."]`, `linux.resources.unified["a/b"]`),
	})
}
