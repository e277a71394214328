package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailscale/hujson"

	"onemcp/internal/publicurl"
	"onemcp/internal/secret"
	"onemcp/internal/trustproxy"
)

// value reads one value into v, the type of which says how.
func (d *decoder) value(at place, v reflect.Value, r rules) {
	switch target := v.Addr().Interface().(type) {
	case *string:
		*target, _ = d.word(at, r)
	case *secret.Text:
		text, _ := d.text(at, r)
		*target = secret.New(text)
	case *bool:
		*target = d.boolean(at)
	case *time.Duration:
		*target = d.milliseconds(at, r)
	case *int:
		*target = int(d.integer(at, r))
	case *int64:
		*target = d.integer(at, r)
	case *FileMode:
		*target = d.fileMode(at)
	case *Listen:
		*target = d.listen(at)
	case *Env:
		d.envInto(target, at, r)
	case *Headers:
		*target = d.headers(at, r)
	case *trustproxy.Setting:
		*target = d.trust(at)
	case *ExternalURLs:
		*target = d.externalURLs(at)
	case *Metrics:
		*target = d.metrics(at)
	default:
		d.composite(at, v, r)
	}
}

func (d *decoder) composite(at place, v reflect.Value, r rules) {
	switch v.Kind() {
	case reflect.Struct:
		setDefaults(v, d.structure(v, d.members(at)))
	case reflect.Slice:
		d.list(at, v, r)
	case reflect.Map:
		d.table(at, v, r)
	default:
		panic(fmt.Sprintf("config: no decoder for %s", v.Type()))
	}
}

// list adds the elements of an array to what v holds already, from a merged layer.
func (d *decoder) list(at place, v reflect.Value, r rules) {
	if at.kind() != '[' {
		d.mismatch(at, "a list")
		return
	}
	for _, element := range at.elements() {
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(element, one, r)
		v.Set(reflect.Append(v, one))
	}
}

func (d *decoder) table(at place, v reflect.Value, r rules) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range d.members(at) {
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(m.place, one, r)
		v.SetMapIndex(reflect.ValueOf(m.key), one)
	}
}

func kindName(kind hujson.Kind) string {
	switch kind {
	case 't':
		return "true"
	case 'f':
		return "false"
	case '"':
		return "text"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	default:
		return "null"
	}
}

const digitsHint = "digits alone, without a unit, a dot or an exponent"

func (d *decoder) mismatch(at place, want string) {
	hint := ""
	switch {
	case want == "text" && strings.ContainsRune("tf0", rune(at.kind())):
		hint = "put it in quotes"
	case (strings.HasPrefix(want, "a number") || want == "true or false") && hujson.Literal(at.text()).IsValid():
		hint = "remove the quotes"
	case strings.HasPrefix(want, "a number"):
		hint = digitsHint
	case want == "text" && at.kind() == '[' && strings.HasSuffix(at.path, ".command"):
		hint = "the program alone; what follows it stands in args"
	case want == "a list":
		hint = `for example ["one", "two"]`
	case strings.HasPrefix(want, "an object"):
		hint = `for example {"name": …}`
	}
	d.fail(at, hint, "must be %s, not %s", want, kindName(at.kind()))
}

// text reads a text and replaces the variables in it.
func (d *decoder) text(at place, r rules) (string, bool) {
	if at.kind() != '"' {
		d.mismatch(at, "text")
		return "", false
	}
	text, issues := expand(at.text(), r.bare, d.env)
	if d.lenient {
		return text, true
	}
	ok := true
	for _, i := range issues {
		ok = ok && i.warning
		d.report(at.StartOffset, at.path, Problem{Message: i.message, Hint: i.hint, Warning: i.warning})
	}
	return text, ok
}

// word reads a text and holds it against enum and pattern.
func (d *decoder) word(at place, r rules) (string, bool) {
	text, ok := d.text(at, r)
	switch {
	case !ok:
		return "", false
	case r.enum != nil && !slices.Contains(r.enum, text):
		hint := ""
		if near := nearest(text, r.enum); near != "" {
			hint = "did you mean " + near + "?"
		}
		d.fail(at, hint, "must be one of %s", strings.Join(r.enum, ", "))
		return "", false
	case r.pattern != nil && !r.pattern.MatchString(text):
		d.fail(at, "", "must match %s", r.pattern)
		return "", false
	}
	return text, true
}

// scalar returns the literal of a value that is no text, also when it came out of a
// variable, which is always text.
func (d *decoder) scalar(at place, want string) (string, bool) {
	written := at.text()
	if strings.Contains(written, "${") {
		return d.text(at, rules{})
	}
	if literal, ok := at.Value.Value.(hujson.Literal); ok && at.kind() != '"' {
		return string(literal), true
	}
	d.mismatch(at, want)
	return "", false
}

func (d *decoder) boolean(at place) bool {
	literal, ok := d.scalar(at, "true or false")
	if ok && literal != "true" && literal != "false" && !d.lenient {
		d.mismatchLiteral(at, "true or false")
	}
	return literal == "true"
}

func (d *decoder) integer(at place, r rules) int64 {
	literal, ok := d.scalar(at, "a number"+r.of)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(literal, 10, 64)
	switch {
	case err != nil && d.lenient && at.kind() == '"':
	case errors.Is(err, strconv.ErrRange):
		d.fail(at, "", "must be at most %d", *cmp.Or(r.max, new(int64(math.MaxInt64))))
	case err != nil:
		d.mismatchLiteral(at, "a whole number"+r.of)
	case r.min != nil && n < *r.min:
		d.fail(at, "", "must be at least %d", *r.min)
	case r.max != nil && n > *r.max:
		d.fail(at, "", "must be at most %d", *r.max)
	case r.warn != nil && n > *r.warn:
		d.warn(at, "", "should be at most %d", *r.warn)
	}
	return n
}

// maxMilliseconds is what fits into 32 bits, 24 days, as in every other program that reads such files.
const maxMilliseconds int64 = 1<<31 - 1

// fewMilliseconds is what nobody means for a time limit, unless they are seconds.
const fewMilliseconds = 100

func (d *decoder) milliseconds(at place, r rules) time.Duration {
	if r.max == nil {
		r.max = new(maxMilliseconds)
	}
	r.of = " of milliseconds"
	n := d.integer(at, r)
	if n > 0 && n < fewMilliseconds {
		d.warn(at, fmt.Sprintf("write %d000 if seconds are meant", n), "counts milliseconds, and has only %d", n)
	}
	return time.Duration(n) * time.Millisecond
}

// mismatchLiteral is a mismatch of a value whose kind may be right.
func (d *decoder) mismatchLiteral(at place, want string) {
	switch at.kind() {
	case '"':
		d.fail(at, "", "must be %s, and the variable holds something else", want)
	case '0':
		hint := ""
		if want != "true or false" {
			hint = digitsHint
		}
		d.fail(at, hint, "must be %s", want)
	default:
		d.mismatch(at, want)
	}
}

func (d *decoder) fileMode(at place) FileMode {
	text := ""
	if at.kind() == '"' {
		text, _ = d.text(at, rules{})
	} else {
		text, _ = d.scalar(at, "text")
	}
	mode, err := strconv.ParseUint(text, 8, 32)
	if err != nil || mode > 0o777 {
		d.fail(at, `for example "0660"`, "must be permissions in octal, from 0000 to 0777")
	}
	return FileMode(mode)
}

func (d *decoder) listen(at place) Listen {
	text, ok := d.text(at, rules{})
	if !ok {
		return ""
	}
	path, ok := strings.CutPrefix(text, "unix:")
	if !ok || path == "" {
		d.fail(at, "for TCP set host and port", "must be unix: and the path of a socket")
	}
	return Listen(path)
}

// trust reads who is trusted to forward. A text may hold variables.
func (d *decoder) trust(at place) trustproxy.Setting {
	var setting trustproxy.Setting
	var err error
	if at.kind() == '"' {
		text, ok := d.text(at, rules{})
		if !ok {
			return trustproxy.Default()
		}
		setting, err = trustproxy.ParseText(text)
	} else {
		value := at.Clone()
		value.Standardize()
		setting, err = trustproxy.ParseJSON(value.Pack())
	}
	if err != nil {
		message, hint := trustProblem(err)
		d.fail(at, hint, "%s", message)
		return trustproxy.Default()
	}
	return setting
}

// trustProblem takes a refused trustProxy value apart into the sentence and the remedy.
func trustProblem(err error) (message, hint string) {
	v, ok := errors.AsType[*trustproxy.ValueError](err)
	if !ok {
		return err.Error(), ""
	}
	message = fmt.Sprintf("%q: %s", v.Entry, v.Problem)
	if v.Place != "" {
		message = v.Place + ": " + message
	}
	return message, v.Hint
}

func (d *decoder) externalURLs(at place) ExternalURLs {
	list := []place{at}
	if at.kind() == '[' {
		list = at.elements()
	}
	var out ExternalURLs
	for _, one := range list {
		text, ok := d.text(one, rules{})
		if !ok {
			continue
		}
		external, err := publicurl.Parse(text)
		if err != nil {
			d.fail(one, "for example https://mcp.example.com", "%v", err)
			continue
		}
		out = append(out, external)
	}
	return out
}

func (d *decoder) metrics(at place) Metrics {
	if at.kind() != '"' {
		return Metrics{Main: d.boolean(at)}
	}
	text, ok := d.text(at, rules{})
	if !ok {
		return Metrics{}
	}
	if _, _, err := net.SplitHostPort(text); err != nil {
		d.fail(at, "for example 127.0.0.1:9090, or true for the main listener", "must be true, false or host:port")
	}
	return Metrics{Listen: text}
}
