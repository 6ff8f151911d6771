package auth

import (
	"encoding/hex"
	"slices"
	"testing"
)

// TestSubjectName compares names with what X500Principal.getName of Java 17 makes of the
// same bytes.
func TestSubjectName(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		b, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := SubjectName(b); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	f("3000", "")
	f("300c310a30080603550403130161", "CN=a")
	f("3033310b300906035504061302444531143008060355040a1301793008060355040b130178310e300c06035504031305616c696365", "CN=alice,O=y+OU=x,C=DE")
	f("300e310c300a06035504031303612c62", `CN=a\,b`)
	f("300e310c300a06035504031303613d62", `CN=a\=b`)
	f("3011310f300d06035504031306206120206220", `CN=\ a  b\ `)
	f("300d310b300906035504030c022378", `CN=\#x`)
	f("3023310a300806035504031301613115301306092a864886f70d01090116066d6540782e79", "1.2.840.113549.1.9.1=#16066d6540782e79,CN=a")
	f("301a310a30080603550403130162310c300a06032a03041303666f6f", "1.2.3.4=#1303666f6f,CN=b")
	f("305d310e300c060355040c13057469746c65310a3008060355040713016c310b3009060355040813027374310a300806035504091301733111300f060a0992268993f22c64010113017531133011060a0992268993f22c6401191603636f6d",
		"DC=com,UID=u,STREET=s,ST=st,L=l,2.5.4.12=#13057469746c65")
	f("30143112301006035504030c09c3bce282acf09f9880", "CN=ü€\xed\xa0\xbd\xed\xb8\x80")
	f("3033310c300a06035504030c03017800310a30080603550404130173310a3008060355042a130167310b3009060355040513023132",
		"2.5.4.5=#13023132,2.5.4.42=#130167,2.5.4.4=#130173,CN=\x01x\\00")
	f("300b3109300706035504031300", "CN=")
	f("300e310c300a06035504031303610962", "CN=a\tb")
	f("30163114300806035504031301613008060355040b130162", "CN=a+OU=b")
	f("30263124302206035504030c1b612a625f6340642f653a6627672868293f69216a266b256c5b6d5d", "CN=a*b_c@d/e:f'g(h)?i!j&k%l[m]")
	f("300d310b300906035504031e02002c", `CN=\00\,`)
	f("300e310c300a06035504030c03202078", `CN=\ \ x`)
	f("300e310c300a06035504030c03782020", `CN=x\ \ `)
	f("300c310a300806035504030c0120", `CN=\ `)
	f("300d310b300906035504031302ff61", "CN=\uFFFDa")
	f("300e310c300a060355040a0203616263", "O=#0203616263")
	f("300c310a30080603550403040161", "CN=#040161")
	f("300f310d300b060355040313040a0d0961", "CN=\n\r\ta")
	for _, raw := range []string{"", "30", "310e300c300a06035504031603613d62", "3005310330010500"} {
		b, err := hex.DecodeString(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := SubjectName(b); err == nil {
			t.Errorf("%s: got %q", raw, got)
		}
	}
}

func TestCertified(t *testing.T) {
	p := Policy{X509Super: "CN=root"}
	if got := p.Certified("CN=a"); !slices.Equal(got, identities("x509:CN=a")) {
		t.Errorf("got %q", got)
	}
	if got := p.Certified("CN=root"); !slices.Equal(got, identities("x509:CN=root", "super:CN=root")) {
		t.Errorf("got %q", got)
	}
}

// FuzzSubjectName wants what the certificates of strangers hold to do no harm.
func FuzzSubjectName(f *testing.F) {
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(_ *testing.T, raw []byte) { _, _ = SubjectName(raw) })
}
