package local

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// Issuer makes and checks demo tokens. Its key lies in the data folder, so a
// token outlives a restart.
type Issuer struct {
	key    *rsa.PrivateKey
	name   string
	now    func() time.Time
	scopes []string
}

const (
	audience = "panah-local"
	tokenFor = 12 * time.Hour
)

// NewIssuer reads the key at path or makes one there.
func NewIssuer(path, name string, scopes []string, now func() time.Time) (*Issuer, error) {
	key, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err = writeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("token key: %w", err)
	}
	return &Issuer{key: key, name: name, scopes: scopes, now: now}, nil
}

func readKey(path string) (*rsa.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s is not a PEM file", path)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

func writeKey(path string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return key, os.WriteFile(path, block, 0o600)
}

// Token names a subject for half a day, with every scope of the routes: what
// somebody may do is decided by their membership.
func (i *Issuer) Token(subject string) (string, error) {
	now := i.now()
	t, err := jwt.NewBuilder().Issuer(i.name).Audience([]string{audience}).Subject(subject).
		IssuedAt(now).Expiration(now.Add(tokenFor)).Claim("scope", strings.Join(i.scopes, " ")).Build()
	if err != nil {
		return "", err
	}
	signed, err := jwt.Sign(t, jwt.WithKey(jwa.RS256(), i.key))
	return string(signed), err
}

// claims are what the gateway passes on of a valid token.
type claims struct {
	subject, issuer string
	scopes          []string
}

// check verifies a bearer token.
func (i *Issuer) check(token string) (claims, error) {
	t, err := jwt.Parse([]byte(token), jwt.WithKey(jwa.RS256(), i.key.Public()), jwt.WithIssuer(i.name),
		jwt.WithAudience(audience), jwt.WithClock(jwt.ClockFunc(i.now)), jwt.WithValidate(true))
	if err != nil {
		return claims{}, err
	}
	var scope string
	_ = t.Get("scope", &scope) // a token without scopes has none
	subject, _ := t.Subject()
	if subject == "" {
		return claims{}, errors.New("no subject")
	}
	return claims{subject, i.name, strings.Fields(scope)}, nil
}
