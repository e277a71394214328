package scan_test

import (
	"slices"
	"testing"

	"onemcp/bench/scan"
)

func TestMembersAreFoundAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, object, member, want string }{
		{"a number", `{"id":17,"x":1}`, "id", "17"},
		{"the last one", `{"x":[1,{"id":3}],"id":-4e2}`, "id", "-4e2"},
		{"a string with escapes", `{"a":"\\\"}","id":"q\"\\"}`, "id", `"q\"\\"`},
		{"spaces", " { \"a\" : true ,\n \"id\" : null } ", "id", "null"},
		{"an object", `{"p":{"a":{"b":"}"}},"q":[]}`, "p", `{"a":{"b":"}"}}`},
		{"a deeper one only", `{"p":{"id":1}}`, "id", ""},
		{"no object", `[1]`, "id", ""},
		{"cut in a key", `{"i`, "id", ""},
		{"cut after a key", `{"id"`, "id", ""},
		{"cut after a colon", `{"id":`, "id", ""},
		{"empty", ``, "id", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(scan.Member([]byte(test.object), test.member)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestElementsComeInOrder(t *testing.T) {
	t.Parallel()
	var got []string
	scan.Elements([]byte(` [ 1, "a,]" ,{"x":[2]}, [ ] ] `), func(e []byte) bool {
		got = append(got, string(e))
		return true
	})
	if want := []string{"1", `"a,]"`, `{"x":[2]}`, "[ ]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTextIsWhatStandsBetweenQuotes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{`"a\"b"`: `a\"b`, `""`: "", `1`: "", `"`: "", ``: ""} {
		if got := string(scan.Text([]byte(value))); got != want {
			t.Errorf("Text(%s) = %q, want %q", value, got, want)
		}
	}
}

func FuzzScanEndsOnAnyInput(f *testing.F) {
	f.Add([]byte(`{"id":1,"params":{"a":["\\"]}}`))
	f.Add([]byte(`[{"a":`))
	f.Fuzz(func(t *testing.T, b []byte) {
		scan.Member(b, "id")
		scan.Elements(b, func([]byte) bool { return true })
	})
}
