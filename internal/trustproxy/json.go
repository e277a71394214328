package trustproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deep a JSON value may be nested; the grammar needs three.
const maxDepth = 8

// member is one member of a JSON object, in the order of the text.
type member struct {
	name  string
	value any
}

// object is a JSON object that remembers order and refuses duplicates, which encoding/json
// alone does not: the last of two would silently win.
type object []member

// ParseJSON reads the setting as it stands in the file: any JSON value of the grammar. The
// error is a *[ValueError].
func ParseJSON(raw []byte) (Setting, error) {
	v, err := decode(raw)
	if err != nil {
		return Setting{}, &ValueError{Entry: string(bytes.TrimSpace(raw)), Problem: err.Error(),
			Hint: "write valid JSON, with every name once"}
	}
	if o, ok := v.(object); ok {
		return parseObject(o)
	}
	return parseProxies(v)
}

// parseProxies reads every form but the object.
func parseProxies(v any) (Setting, error) {
	s := Setting{headers: defaultHeaders(), explicit: true}
	switch v := v.(type) {
	case nil:
		return Default(), nil
	case bool:
		if v {
			s.mode = trustEveryone
		}
		return s, nil
	case json.Number:
		return s.counted(v.String())
	case string:
		return ParseText(v)
	case []any:
		return parseArray(v)
	}
	return Setting{}, &ValueError{Entry: show(v), Problem: "an object cannot stand here",
		Hint: "write true, false, a hop count, a text or a list"}
}

// parseArray reads the list form, whose members must be texts.
func parseArray(items []any) (Setting, error) {
	texts := make([]string, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok {
			return Setting{}, &ValueError{Place: fmt.Sprintf("entry %d", i+1), Entry: show(item),
				Problem: "a list holds texts only", Hint: "write an address, a CIDR range, or one of " + presetNames}
		}
		texts[i] = text
	}
	s := Setting{headers: defaultHeaders(), explicit: true}
	s, err := s.listed(texts)
	if len(texts) == 1 {
		err = at("entry 1", err)
	}
	return s, err
}

// parseObject reads the object form. With enabled false the rest is still checked, so that
// switching it on again brings no surprise.
func parseObject(o object) (Setting, error) {
	s, enabled, names := Default(), true, headerNames{}
	for _, m := range o {
		var err error
		switch m.name {
		case "enabled":
			enabled, err = parseEnabled(m.value)
		case "proxies":
			s, err = parseInner(m.value)
		case "headers":
			names, err = parseHeaderNames(m.value)
		default:
			err = &ValueError{Entry: m.name, Problem: "an unknown key", Hint: "known are enabled, proxies and headers"}
		}
		if err != nil {
			return Setting{}, at(m.name, err)
		}
	}
	h, err := names.headers()
	if err != nil {
		return Setting{}, at("headers", err)
	}
	return s.finish(enabled, h)
}

// finish checks what holds between the members of the object.
func (s Setting) finish(enabled bool, h headers) (Setting, error) {
	if s.mode == trustCounted && !h.client.isList() {
		return Setting{}, &ValueError{Place: "headers, clientIp", Entry: h.client.name, Problem: "a hop count needs a header that lists hops",
			Hint: "write X-Forwarded-For or Forwarded, or list the proxies' addresses instead of counting them"}
	}
	s.headers, s.explicit = h, true
	if !enabled {
		s.mode, s.entries, s.hops = trustNobody, nil, 0
	}
	return s, nil
}

func parseEnabled(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, &ValueError{Entry: show(v), Problem: "not a switch", Hint: "write true or false without quotes"}
	}
	return b, nil
}

// parseInner reads proxies: every form but an object, also not as text.
func parseInner(v any) (Setting, error) {
	if text, ok := v.(string); ok && strings.HasPrefix(strings.TrimSpace(text), "{") {
		return Setting{}, &ValueError{Entry: text, Problem: "an object cannot stand here",
			Hint: "write true, false, a hop count, a text or a list"}
	}
	return parseProxies(v)
}

// show renders a decoded value for a message.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "[...]"
	}
	return "{...}"
}

// decode reads one JSON value and nothing after it.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("not valid JSON: something follows the value")
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil || depth > maxDepth {
		return nil, orDeep(err)
	}
	switch t {
	case json.Delim('['):
		return decodeArray(d, depth)
	case json.Delim('{'):
		return decodeObject(d, depth)
	}
	return t, nil
}

func orDeep(err error) error {
	if err == nil {
		return errors.New("nested too deep")
	}
	return err
}

func decodeArray(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

func decodeObject(d *json.Decoder, depth int) (any, error) {
	out := object{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		for _, m := range out {
			if m.name == name {
				return nil, fmt.Errorf("the name %q stands twice", name)
			}
		}
		out = append(out, member{name, v})
	}
	_, err := d.Token()
	return out, err
}
