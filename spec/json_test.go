package spec

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// reference is what encoding/json has to read for the result to be comparable: the
// objects of other platforms are JSON, and nothing more is known of them.
type reference struct {
	specs.Spec
	Solaris json.RawMessage `json:"solaris"`
	Windows json.RawMessage `json:"windows"`
	VM      json.RawMessage `json:"vm"`
	ZOS     json.RawMessage `json:"zos"`
	FreeBSD json.RawMessage `json:"freebsd"`
}

// compare checks that Load and encoding/json agree on a document.
func compare(t *testing.T, document string) {
	t.Helper()
	have, unknown, err := Load([]byte(document))
	for _, u := range unknown {
		name := u.Path[strings.LastIndexByte(u.Path, '.')+1:]
		if u.Hint != "" && strings.EqualFold(name, u.Hint) {
			return // encoding/json ignores case
		}
	}
	var want reference
	wantErr := json.Unmarshal([]byte(document), &want)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: error %v, encoding/json %v", document, err, wantErr)
	}
	var syntax, wantSyntax bool
	_, syntax = err.(*SyntaxError)
	_, wantSyntax = wantErr.(*json.SyntaxError)
	if syntax != wantSyntax {
		t.Fatalf("%q: error %T %v, encoding/json %T %v", document, err, err, wantErr, wantErr)
	}
	if err == nil && !reflect.DeepEqual(have, &want.Spec) {
		t.Fatalf("%q:\n%s\nencoding/json\n%s", document, mustMarshal(t, have), mustMarshal(t, want.Spec))
	}
}

func mustMarshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// documents are the seeds of the fuzz tests, and tests in their own right.
func documents(t testing.TB) []string {
	nested := func(n int) string {
		return `{"x":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}"
	}
	list := []string{
		string(mustMarshal(t, Default())),
		string(mustMarshal(t, Rootless(1000, 1000))),
		"", " ", "{", "}", "{}", " {\t\r\n} ", "{}x", "{},", "{} {}", "\ufeff{}", "null", "nul", "nullx",
		"[]", "[1]", "1", `"x"`, "true", "tru", "falsex", "{,}", `{"a":1,}`, `{"a"}`, `{"a":}`, `{"a" 1}`,
		`{"a":1 "b":2}`, `{a:1}`, `{"a":[1,]}`, `{"a":[,1]}`, `{"a":[1 2]}`, `{"a":[1}`, `{"a":]}`,
		`{"hostname":"x`, `{"hostname":"\`, `{"hostname":"\u12`, `{"hostname":"\x"}`, `{"hostname":"\'"}`,
		`{"hostname":"\"\\\/\b\f\n\r\t"}`, `{"hostname":"\u00e9\u4e2d\u0000"}`, `{"hostname":"é中"}`,
		`{"hostname":"\ud83d\ude00"}`, `{"hostname":"\ud83d"}`, `{"hostname":"\ude00\ud83d"}`,
		`{"hostname":"\ud83dx"}`, `{"hostname":"\ud83d\u0041"}`, `{"hostname":"\ud83d\ud83d\ude00"}`,
		`{"hostname":"\uD83D\uDE00\u00gg"}`, "{\"hostname\":\"a\xff\xfeb\"}", "{\"hostname\":\"\\n\xc3(\"}",
		"{\"hostname\":\"\\n\n\"}", "{\"hostname\":\"\\n\xff", `{"process":{"user":{"uid":null}}}`,
		"{\"hostname\":\"a\nb\"}", "{\"hostname\":\"a\x7fb\"}", "{\"host\xffname\":1}",
		"{\"annotations\":{\"\xff\":\"\xff\"}}",
		"{\"hostname\":\"\xed\xa0\x80\"}", `{"hostn\u0061me":"x"}`, "{\x00}", "{\"a\":\x00}",
		`{"hostname":null,"root":null,"mounts":null,"annotations":null,"process":{"terminal":null,"user":null,` +
			`"args":[null,"a"],"oomScoreAdj":null}}`,
		`{"mounts":[null]}`, `{"annotations":{"a":null}}`, `{"linux":{"resources":{"rdma":{"a":null}}}}`,
		`{"process":{"oomScoreAdj":0}}`, `{"process":{"oomScoreAdj":-0}}`, `{"process":{"oomScoreAdj":01}}`,
		`{"process":{"oomScoreAdj":-}}`, `{"process":{"oomScoreAdj":+1}}`, `{"process":{"oomScoreAdj":1.0}}`,
		`{"process":{"oomScoreAdj":1e2}}`, `{"process":{"oomScoreAdj":1.}}`, `{"process":{"oomScoreAdj":1e}}`,
		`{"process":{"oomScoreAdj":.5}}`, `{"process":{"oomScoreAdj":1E+2}}`, `{"process":{"oomScoreAdj":1e-}}`,
		`{"process":{"oomScoreAdj":9223372036854775807}}`, `{"process":{"oomScoreAdj":9223372036854775808}}`,
		`{"process":{"oomScoreAdj":-9223372036854775808}}`, `{"process":{"oomScoreAdj":-9223372036854775809}}`,
		`{"process":{"oomScoreAdj":18446744073709551616}}`, `{"process":{"oomScoreAdj":99999999999999999999999}}`,
		`{"process":{"user":{"uid":4294967295}}}`, `{"process":{"user":{"uid":4294967296}}}`,
		`{"process":{"user":{"uid":-0}}}`, `{"process":{"user":{"uid":-1}}}`, `{"process":{"user":{"uid":"0"}}}`,
		`{"process":{"scheduler":{"nice":-2147483648,"runtime":18446744073709551615}}}`,
		`{"process":{"scheduler":{"nice":-2147483649}}}`, `{"process":{"scheduler":{"nice":2147483648}}}`,
		`{"linux":{"resources":{"blockIO":{"weight":65535}}}}`, `{"linux":{"resources":{"blockIO":{"weight":65536}}}}`,
		`{"linux":{"resources":{"blockIO":{"weightDevice":[{"major":8,"minor":1,"weight":1}]}}}}`,
		`{"linux":{"devices":[{"fileMode":438}]}}`, `{"linux":{"devices":[{"fileMode":4294967296}]}}`,
		`{"hostname":"a","hostname":"b"}`, `{"hostname":"a","hostname":null}`,
		`{"root":{"path":"a"},"root":{"readonly":true}}`, `{"root":{"path":"a"},"root":null}`,
		`{"annotations":{"a":"1"},"annotations":{"b":"2"}}`, `{"annotations":{"a":"1"},"annotations":{}}`,
		`{"process":{"args":["a","b","c"],"args":["x"],"args":[null,null,null]}}`,
		`{"process":{"args":["a","b","c"],"args":[]}}`, `{"process":{"args":["a","b"],"args":[],"args":[null]}}`,
		`{"mounts":[{"type":"a","source":"b"}],"mounts":[{"type":"c"},{}]}`,
		`{"linux":{"resources":{"rdma":{"a":{"hcaHandles":1}},"rdma":{"a":{"hcaObjects":1}}}}}`,
		`{"process":{"user":{"umask":1}},"process":{"user":{"umask":2,"umask":null}}}`,
		`{"windows":5,"solaris":[],"vm":{"x":[{}]},"zos":null,"freebsd":"\ud800"}`, `{"windows":{"a":}}`,
		`{"x":1e999,"y":{"z":[true,false,null,"",-0.0e-0]}}`,
		`{"linux":5}`, `{"linux":[]}`, `{"linux":"x"}`, `{"mounts":{}}`, `{"mounts":5}`, `{"annotations":[]}`,
		`{"annotations":{"a":1}}`, `{"process":{"terminal":1}}`, `{"process":{"terminal":"true"}}`,
		`{"process":{"args":"sh"}}`,
		`{"process":{"args":[1]},"x":}`, `{"ociversion":"1.0.0"}`, `{"ROOT":{"path":5}}`,
		nested(maxDepth), nested(maxDepth + 1),
	}
	return list
}

func TestSameAsEncodingJSON(t *testing.T) {
	for _, document := range documents(t) {
		compare(t, document)
	}
}

// Every prefix of a document is a syntax error for both, and where one byte is
// changed they still agree.
func TestDamaged(t *testing.T) {
	document := string(mustMarshal(t, Default()))
	for i := range document {
		compare(t, document[:i])
		for _, c := range []string{"", "\x00", `"`, `\`, ",", "}", "]", "0", "\xff"} {
			compare(t, document[:i]+c+document[i+1:])
		}
	}
}

func FuzzSameAsEncodingJSON(f *testing.F) {
	for _, document := range documents(f) {
		f.Add(document)
	}
	f.Add(string(podmanConfig(f)))
	f.Fuzz(compare)
}

func TestSyntaxError(t *testing.T) {
	for _, test := range []struct {
		document string
		want     SyntaxError
	}{
		{"", SyntaxError{1, 1, "unexpected end of the document"}},
		{"{\n  \"a\": 1,\n  b\n}", SyntaxError{3, 3, "want the name of a property"}},
		{"{\n\"a\": \"\n\"}", SyntaxError{2, 7, "control character in a string"}},
		{`{"a": "\q"}`, SyntaxError{1, 8, "invalid escape in a string"}},
		{`{"a": 1} x`, SyntaxError{1, 10, "unexpected data after the document"}},
		{`{"a": [1 2]}`, SyntaxError{1, 10, "want ',' or ']'"}},
		{`{"a": trux}`, SyntaxError{1, 7, "want true"}},
		{`{"a": x}`, SyntaxError{1, 7, "want a value"}},
		{`{"a": 1.x}`, SyntaxError{1, 9, "want a digit"}},
	} {
		_, _, err := Load([]byte(test.document))
		var have *SyntaxError
		if !errors.As(err, &have) || *have != test.want {
			t.Errorf("%q: error %v, want %v", test.document, err, &test.want)
		}
	}
	if have := (&SyntaxError{3, 5, "want ':'"}).Error(); have != "line 3, column 5: want ':'" {
		t.Error(have)
	}
}
