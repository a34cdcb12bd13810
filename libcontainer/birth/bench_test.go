package birth

import "testing"

// BenchmarkCompile is on the way of every create and run.
func BenchmarkCompile(b *testing.B) {
	in := defaultInput()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(in); err != nil {
			b.Fatal(err)
		}
	}
}
