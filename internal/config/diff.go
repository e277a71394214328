package config

import (
	"reflect"
	"slices"
)

// Changes is what turns one configuration into another. The names of servers are in
// the order of the new file, those of Removed in the order of the old one.
type Changes struct {
	Added     []string
	Removed   []string
	Restart   []string // the connection, or whether there is one, is another
	Relabel   []string // the connection stays, what clients see of it changes
	Reordered bool     // the servers that stay stand in another order
	Listener  bool     // the gateway listens elsewhere
	Policy    bool     // another setting of the gateway changed
	Presets   bool     // a preset was added, removed or changed
}

// Empty reports whether nothing changed.
func (c Changes) Empty() bool { return reflect.DeepEqual(c, Changes{}) }

// Diff compares two configurations. Both must have been overridden in the same way.
func Diff(old, next *Config) Changes {
	policies := changed(reflect.ValueOf(old.Server), reflect.ValueOf(next.Server))
	c := Changes{
		Listener: policies["listener"],
		Policy:   policies["policy"],
		Presets: !slices.EqualFunc(old.Presets, next.Presets, func(a, b Preset) bool {
			return a.Name == b.Name && a.Filter == b.Filter
		}),
	}
	c.servers(old.Servers, next.Servers)
	return c
}

func (c *Changes) servers(old, next []MCPServer) {
	before, after := byName(old), byName(next)
	for i := range old {
		if after[old[i].Name] == nil {
			c.Removed = append(c.Removed, old[i].Name)
		}
	}
	var kept []string
	for i := range next {
		s := &next[i]
		was := before[s.Name]
		if was == nil {
			c.Added = append(c.Added, s.Name)
			continue
		}
		kept = append(kept, s.Name)
		c.server(was, s)
	}
	c.Reordered = !slices.Equal(kept, order(old, after))
}

func (c *Changes) server(old, next *MCPServer) {
	changes := changed(reflect.ValueOf(*old), reflect.ValueOf(*next))
	switch {
	case changes["restart"] || !sameTrouble(old.Problems, next.Problems):
		c.Restart = append(c.Restart, next.Name)
	case changes["relabel"]:
		c.Relabel = append(c.Relabel, next.Name)
	}
}

// sameTrouble compares what is wrong, not where it stands.
func sameTrouble(old, next Problems) bool {
	return slices.EqualFunc(old, next, func(a, b Problem) bool { return a.Path == b.Path && a.Message == b.Message })
}

func byName(list []MCPServer) map[string]*MCPServer {
	out := make(map[string]*MCPServer, len(list))
	for i := range list {
		out[list[i].Name] = &list[i]
	}
	return out
}

func order(list []MCPServer, still map[string]*MCPServer) []string {
	var names []string
	for i := range list {
		if still[list[i].Name] != nil {
			names = append(names, list[i].Name)
		}
	}
	return names
}

// changed returns what the tags of the differing fields say that a change asks for.
func changed(old, next reflect.Value) map[string]bool {
	out := map[string]bool{}
	for sf := range old.Type().Fields() {
		asks := sf.Tag.Get("change")
		if asks != "" && !same(old.FieldByIndex(sf.Index), next.FieldByIndex(sf.Index)) {
			out[asks] = true
		}
	}
	return out
}

// same compares by content: an empty list is no list.
func same(old, next reflect.Value) bool {
	switch old.Kind() {
	case reflect.Slice, reflect.Map:
		if old.Len() == 0 && next.Len() == 0 {
			return true
		}
	}
	return reflect.DeepEqual(old.Interface(), next.Interface())
}
