//go:build tools

// Package regal names what is built here, so that the module keeps requiring it.
package regal

import _ "github.com/styrainc/regal"
