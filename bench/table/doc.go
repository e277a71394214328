// Package table holds what the benchmark found and shows it: as text, as Markdown, as JSON. It is
// pure.
package table
