package nsenter

import (
	"bytes"
	"debug/elf"
	"testing"

	"golang.org/x/sys/unix"
)

// threeLabels is a program of five steps below three labels, the second of
// which comes back.
func threeLabels() *Program {
	p := New()
	p.Label("mapping the report page")
	p.MapReport("report")
	p.Label("mounting proc on /proc")
	say(p, "a")
	say(p, "b").Ignore(unix.EPIPE)
	p.Label("leaving")
	p.call(unix.SYS_GETPID).Into(p.Cell("pid"))
	p.Label("mounting proc on /proc")
	say(p, "c")
	return p
}

func openImage(t *testing.T, p *Program) (*elf.File, *Memory) {
	t.Helper()
	m, err := Assemble(p, map[string]int{"out": 3, "report": 4})
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(fileBytes(imageFile(p, m))))
	if err != nil {
		t.Fatal(err)
	}
	return f, m
}

func TestImageSegments(t *testing.T) {
	for _, p := range []*Program{New(), threeLabels()} {
		f, m := openImage(t, p)
		if f.Type != elf.ET_EXEC || f.Machine != elf.Machine(elfMachine) || f.Class != elf.ELFCLASS64 {
			t.Errorf("%v %v %v", f.Type, f.Machine, f.Class)
		}
		if len(f.Progs) != 4 {
			t.Fatalf("%d segments", len(f.Progs))
		}
		end, executable := uint64(0), 0
		for i, s := range f.Progs {
			if s.Type != elf.PT_LOAD {
				t.Errorf("segment %d: %v", i, s.Type)
			}
			if s.Flags&elf.PF_W != 0 && s.Flags&elf.PF_X != 0 {
				t.Errorf("segment %d is writable and executable", i)
			}
			if s.Flags&elf.PF_X != 0 {
				executable++
				if f.Entry < s.Vaddr || f.Entry >= s.Vaddr+s.Filesz {
					t.Errorf("entry %#x is outside of the code at %#x", f.Entry, s.Vaddr)
				}
			}
			if s.Align < 0x10000 || s.Vaddr%s.Align != s.Off%s.Align || s.Vaddr%0x10000 != 0 {
				t.Errorf("segment %d at %#x, in the file %#x, cannot be mapped with pages of 64 KiB", i, s.Vaddr, s.Off)
			}
			if s.Vaddr < end {
				t.Errorf("segment %d at %#x begins before the end of the one before, %#x", i, s.Vaddr, end)
			}
			if s.Memsz == 0 || s.Filesz > s.Memsz {
				t.Errorf("segment %d has %d bytes, %d of them in the file", i, s.Memsz, s.Filesz)
			}
			end = s.Vaddr + s.Memsz
		}
		if executable != 1 {
			t.Errorf("%d executable segments", executable)
		}
		for i, want := range map[int][]byte{0: machineCode(), 2: m.ReadOnly, 3: m.Writable} {
			got := make([]byte, f.Progs[i].Filesz)
			if _, err := f.Progs[i].ReadAt(got, 0); err != nil && len(got) > 0 {
				t.Fatal(err)
			}
			if i == 0 {
				got = got[f.Entry-f.Progs[0].Vaddr:]
			}
			if !bytes.Equal(got, want) {
				t.Errorf("segment %d does not hold what it should", i)
			}
		}
	}
}

func TestImageSymbols(t *testing.T) {
	f, m := openImage(t, threeLabels())
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		label     string
		step, end int
	}{
		{"mapping the report page", 0, 1}, {"mounting proc on /proc", 1, 3},
		{"leaving", 3, 4}, {"mounting proc on /proc", 4, 5},
	}
	if len(symbols) != len(want) {
		t.Fatalf("%d symbols, want %d", len(symbols), len(want))
	}
	for i, w := range want {
		s := symbols[i]
		if s.Name != w.label || s.Value != m.Entries[w.step] || s.Size != m.Entries[w.end]-m.Entries[w.step] {
			t.Errorf("symbol %q at %#x, %d bytes; want %q at %#x, %d bytes",
				s.Name, s.Value, s.Size, w.label, m.Entries[w.step], m.Entries[w.end]-m.Entries[w.step])
		}
		if s.Value < f.Progs[2].Vaddr || s.Value+s.Size > f.Progs[2].Vaddr+f.Progs[2].Filesz {
			t.Errorf("symbol %q lies outside of the program", s.Name)
		}
		// elf(5): local symbols come before the index that sh_info gives
		if table := f.SectionByType(elf.SHT_SYMTAB); elf.ST_BIND(s.Info) == elf.STB_LOCAL && i+1 >= int(table.Info) {
			t.Errorf("local symbol %d behind the first %d", i+1, table.Info)
		}
	}
	for i, name := range []string{"", ".symtab", ".strtab", ".shstrtab"} {
		if f.Sections[i].Name != name {
			t.Errorf("section %d is named %q, want %q", i, f.Sections[i].Name, name)
		}
	}
}

func TestImageOfAnEmptyProgramHasNoSymbols(t *testing.T) {
	f, _ := openImage(t, New())
	if symbols, err := f.Symbols(); err != nil || len(symbols) != 0 {
		t.Errorf("%v %v", symbols, err)
	}
}
