// Package local runs Panah on one machine: a gateway that takes its routes from
// template.yaml and makes real payload-2.0 events, an issuer of demo tokens, the
// change feed and the clock. None of it is linked into a function.
package local

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Route is one route of the template.
type Route struct {
	Method, Path string
	Function     string // logical id
	Scopes       []string
	Open         bool // no authorizer
}

// Pattern is the route as net/http's ServeMux writes it.
func (r Route) Pattern() string { return r.Method + " " + r.Path }

// Template is what the local runner needs of template.yaml.
type Template struct {
	Routes    []Route
	Functions map[string]string // logical id → folder under functions/
}

type templateFile struct {
	Resources map[string]struct {
		Type       string    `yaml:"Type"`
		Properties yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

type functionProperties struct {
	CodeURI string `yaml:"CodeUri"`
	Events  map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Method string `yaml:"Method"`
			Path   string `yaml:"Path"`
			Auth   struct {
				Authorizer string   `yaml:"Authorizer"`
				Scopes     []string `yaml:"AuthorizationScopes"`
			} `yaml:"Auth"`
		} `yaml:"Properties"`
	} `yaml:"Events"`
}

// ReadTemplate reads routes and functions from a SAM template.
func ReadTemplate(path string) (Template, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Template{}, fmt.Errorf("template: %w", err)
	}
	var f templateFile
	if err := yaml.Unmarshal(raw, &f); err != nil {
		return Template{}, fmt.Errorf("template: %w", err)
	}
	t := Template{Functions: map[string]string{}}
	for id, res := range f.Resources {
		if res.Type != "AWS::Serverless::Function" {
			continue
		}
		var p functionProperties
		if err := res.Properties.Decode(&p); err != nil {
			return t, fmt.Errorf("template: %s: %w", id, err)
		}
		t.Functions[id] = strings.Trim(strings.TrimPrefix(strings.TrimPrefix(p.CodeURI, "./"), "functions/"), "/")
		for _, e := range p.Events {
			if e.Type == "HttpApi" {
				t.Routes = append(t.Routes, Route{Method: strings.ToUpper(e.Properties.Method), Path: e.Properties.Path,
					Function: id, Scopes: e.Properties.Auth.Scopes, Open: e.Properties.Auth.Authorizer == "NONE"})
			}
		}
	}
	slices.SortFunc(t.Routes, func(a, b Route) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	if len(t.Routes) == 0 {
		return t, fmt.Errorf("template: %s has no HTTP routes", path)
	}
	return t, nil
}

// Scopes are every scope the routes ask for.
func (t Template) Scopes() []string {
	var out []string
	for _, r := range t.Routes {
		for _, s := range r.Scopes {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return out
}
