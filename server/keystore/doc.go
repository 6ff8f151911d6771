// Package keystore makes what crypto/tls needs of the keys ssl.X and ssl.quorum.X: key and
// trust stores in the forms that Java's server reads, names of protocols and cipher
// suites, and the rules by which the other side's name is verified.
//
//	PEM     key store: a private key, encrypted or not, and its certificate with the
//	        chain behind it, in one file; trust store: certificates
//	PKCS12  as keytool makes them; of a trust store only what keytool -importcert put in
//	JKS     the older form of keytool; a file with this suffix may be PKCS12, since that
//	        is what keytool makes today whatever the file is called
//
// The type is the one that is named, otherwise that of the suffix. BCFKS cannot be read.
//
// A [Context] holds what was read. With Settings.Reload it looks, at most once a second
// and only while there are handshakes, whether the files have changed, and then uses the
// new ones for the next handshakes. Files that cannot be read are no reason to give up
// those that were: they are complained of, and tried again when they change.
//
// Who the other side is, is decided in two steps, as in Java: a chain of certificates to
// one of the trust store, and then, where that is asked for, the name. Java's ZKTrustManager
// compares the address of the connection first and then the name; its FIPS mode, which is on
// unless switched off, knows only the name that was dialled. Here either will do.
// Certificates without alternative names are compared by their common name, which the
// standard library refuses and Java accepts. Revocation is not checked.
//
// Java: X509Util and the classes around it.
package keystore

import "time"

// Settings are the keys that begin with Prefix, and what their sides make of them.
type Settings struct {
	Prefix     string // ssl. or ssl.quorum., for what is told of the keys
	KeyStore   Store  // keyStore.
	TrustStore Store  // trustStore.; without a location the system's certificates are trusted

	Protocol         string   // protocol: the newest version that is spoken, "" for the newest there is
	EnabledProtocols []string // enabledProtocols: wins over Protocol
	CipherSuites     []string // ciphersuites in Java's names; none: the library's choice
	ClientAuth       string   // clientAuth: none, want or need ("")

	VerifyServer bool // who dials compares the listener's name
	VerifyClient bool // the listener compares the dialler's, by its address
	// Names returns the names of an address, for VerifyClient and VerifyServer; nil where
	// these are not looked up.
	Names func(address string) []string

	Reload  bool // use files that change
	Now     func() time.Time
	Changed func(error) // told of each reload, nil when it went well; nil tells nobody
}

// Store is a file with keys or certificates.
type Store struct {
	Location     string
	Password     string
	PasswordPath string // a file with the password, which wins
	Type         string // JKS, PEM, PKCS12; "": by the suffix
}
