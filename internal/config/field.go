package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"onemcp/internal/trustproxy"
)

// rules are what the tags of a field ask of its value.
type rules struct {
	enum           []string
	min, max, warn *int64
	pattern        *regexp.Regexp
	of             string // what a number counts, for the problem's sentence: " of milliseconds"
	bare           bool   // replace $NAME too
}

// field is one setting: a struct field with its tags.
type field struct {
	rules
	name, doc, def string
	index          []int
	typ            reflect.Type
	own, merge     bool
	only           string // the kind of server it means something to
	change         string
}

type fields []field

func fieldsOf(t reflect.Type) fields {
	var out fields
	for sf := range t.Fields() {
		name := sf.Tag.Get("json")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{
			rules: rulesOf(sf.Tag),
			name:  name, doc: sf.Tag.Get("doc"), def: sf.Tag.Get("default"),
			index: sf.Index, typ: sf.Type,
			own: sf.Tag.Get("own") == "true", merge: sf.Tag.Get("merge") == "true",
			only: sf.Tag.Get("for"), change: sf.Tag.Get("change"),
		})
	}
	return out
}

func rulesOf(tag reflect.StructTag) rules {
	r := rules{min: bound(tag, "min"), max: bound(tag, "max"), warn: bound(tag, "warn"), bare: tag.Get("expand") == "bare"}
	if enum := tag.Get("enum"); enum != "" {
		r.enum = strings.Split(enum, ",")
	}
	if pattern := tag.Get("pattern"); pattern != "" {
		r.pattern = regexp.MustCompile(pattern)
	}
	return r
}

func bound(tag reflect.StructTag, name string) *int64 {
	text, ok := tag.Lookup(name)
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		panic(fmt.Sprintf("config: tag %s:%q: %v", name, text, err))
	}
	return &n
}

func (fs fields) find(name string) (field, bool) {
	for _, f := range fs {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func (fs fields) names() []string {
	out := make([]string, len(fs))
	for i, f := range fs {
		out[i] = f.name
	}
	return out
}

// setDefaults gives every setting that was not given what its tag says.
func setDefaults(v reflect.Value, given map[string]place) {
	for _, f := range fieldsOf(v.Type()) {
		if _, ok := given[f.name]; ok {
			continue
		}
		target := v.FieldByIndex(f.index)
		if trust, ok := target.Addr().Interface().(*trustproxy.Setting); ok {
			*trust = trustproxy.Default()
			continue
		}
		if f.typ.Kind() == reflect.Struct && f.def == "" {
			setDefaults(target, nil)
		} else if f.def != "" {
			setDefault(target, f.def)
		}
	}
}

func setDefault(v reflect.Value, text string) {
	var err error
	switch v.Interface().(type) {
	case string:
		v.SetString(text)
	case bool:
		v.SetBool(text == "true")
	case time.Duration:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(n * int64(time.Millisecond))
	case int, int64:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v.SetInt(n)
	case FileMode:
		var n uint64
		n, err = strconv.ParseUint(text, 8, 32)
		v.SetUint(n)
	default:
		panic(fmt.Sprintf("config: no default for %s", v.Type()))
	}
	if err != nil {
		panic(fmt.Sprintf("config: default %q: %v", text, err))
	}
}
