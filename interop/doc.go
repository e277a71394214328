// Package interop holds the tests that drive the built gateway with official
// clients in front of real servers, and the fixtures that takes.
//
// Everything is in its tests and the packages below it. Run `npm ci` here
// once, then `go test ./...`; without the npm packages the tests that need
// them are skipped, and counted, unless CI is set in the environment.
package interop
