package config

import (
	"encoding/json"
	"reflect"
	"strconv"
	"time"

	"onemcp/internal/secret"
	"onemcp/internal/trustproxy"
)

type schema = map[string]any

// variablePattern matches a text that stands for a number or a truth value: it holds a variable.
const variablePattern = `\$\{.+\}`

// Schema returns the JSON Schema (draft 7, which editors know) of the file, made from the
// types and their tags. It is as strict as an editor should be: what the loader only warns
// of is an error there.
func Schema() []byte {
	root := objectSchema(reflect.TypeFor[document]())
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "1mcp configuration (mcp.json)"
	properties := root["properties"].(schema)
	server := serverSchema()
	for _, name := range []string{"mcpServers", "servers"} {
		properties[name].(schema)["additionalProperties"] = schema{"$ref": "#/definitions/server"}
	}
	properties["serverDefaults"] = defaultsSchema(properties["serverDefaults"].(schema)["description"])
	root["definitions"] = schema{"server": server}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of texts, numbers and maps
	}
	return append(out, '\n')
}

func serverSchema() schema {
	s := objectSchema(reflect.TypeFor[MCPServer]())
	s["properties"].(schema)["serverUrl"] = schema{"type": "string", "description": "The same as url, as Windsurf writes it."}
	s["anyOf"] = []schema{
		{"required": []string{"command"}}, {"required": []string{"url"}}, {"required": []string{"serverUrl"}},
	}
	return s
}

func defaultsSchema(doc any) schema {
	s := objectSchema(reflect.TypeFor[MCPServer]())
	for _, f := range fieldsOf(reflect.TypeFor[MCPServer]()) {
		if f.own {
			delete(s["properties"].(schema), f.name)
		}
	}
	s["description"] = doc
	return s
}

func objectSchema(t reflect.Type) schema {
	properties := schema{}
	for _, f := range fieldsOf(t) {
		properties[f.name] = f.schema()
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false}
}

func (f field) schema() schema {
	s := f.rules.describe(typeSchema(f.typ))
	if f.doc != "" {
		s["description"] = f.doc
	}
	if f.def != "" {
		s["default"] = f.defaultValue()
	}
	return s
}

func (f field) defaultValue() any {
	if f.typ.Kind() == reflect.String || f.typ == reflect.TypeFor[FileMode]() {
		return f.def
	}
	if n, err := strconv.ParseInt(f.def, 10, 64); err == nil {
		return n
	}
	return f.def == "true"
}

func (r rules) describe(s schema) schema {
	if r.enum != nil {
		s["enum"] = r.enum
	}
	if r.min != nil {
		s["minimum"] = *r.min
	}
	if r.max != nil {
		s["maximum"] = *r.max
	}
	if r.pattern != nil {
		s["pattern"] = r.pattern.String()
	}
	return s
}

func typeSchema(t reflect.Type) schema {
	switch t {
	case reflect.TypeFor[Listen]():
		return schema{"type": "string", "pattern": `^unix:.|` + variablePattern}
	case reflect.TypeFor[secret.Text]():
		return schema{"type": "string"}
	case reflect.TypeFor[time.Duration]():
		return schema{"type": []string{"integer", "string"}, "pattern": variablePattern, "maximum": maxMilliseconds}
	case reflect.TypeFor[FileMode]():
		return schema{"type": []string{"string", "integer"}}
	case reflect.TypeFor[trustproxy.Setting]():
		return trustSchema()
	case reflect.TypeFor[ExternalURLs]():
		text := schema{"type": "string"}
		return schema{"oneOf": []schema{text, {"type": "array", "items": text}}}
	case reflect.TypeFor[Metrics]():
		return schema{"type": []string{"boolean", "string"}}
	case reflect.TypeFor[Env]():
		text := schema{"type": "string"}
		return schema{"oneOf": []schema{
			{"type": "object", "additionalProperties": text}, {"type": "array", "items": text},
		}}
	default:
		return kindSchema(t)
	}
}

func kindSchema(t reflect.Type) schema {
	switch t.Kind() {
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": []string{"boolean", "string"}, "pattern": variablePattern}
	case reflect.Int, reflect.Int64:
		return schema{"type": []string{"integer", "string"}, "pattern": variablePattern}
	case reflect.Slice:
		return schema{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": typeSchema(t.Elem())}
	case reflect.Struct:
		return objectSchema(t)
	default:
		return schema{}
	}
}

// trustSchema describes the forms of trustProxy.
func trustSchema() schema {
	text := schema{"type": "string"}
	list := schema{"type": "array", "items": text}
	hops := schema{"type": "integer", "minimum": 0, "maximum": 32}
	flag := schema{"type": "boolean"}
	header := schema{"type": []string{"string", "boolean", "null"}}
	object := schema{"type": "object", "additionalProperties": false, "properties": schema{
		"enabled": flag,
		"proxies": schema{"oneOf": []schema{flag, hops, text, list}},
		"headers": schema{"type": "object", "additionalProperties": false, "properties": schema{
			"clientIp": header, "protocol": header, "host": header,
		}},
	}}
	return schema{"oneOf": []schema{flag, hops, text, list, object}}
}
