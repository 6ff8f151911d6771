package server_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"gokeeper/server"
	"gokeeper/server/proto"
)

// browser is a headless Chromium that looks at a server's console.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu     sync.Mutex
	thrown []string // exceptions of the page
}

// browse starts a browser; without one the test is skipped.
func browse(t *testing.T, r *running) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes a while")
	}
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed (Debian: apt-get install chromium): the console's page is not looked at")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(name), chromedp.NoSandbox)
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	quiet := func(string, ...any) {} // it complains of events that are newer than it
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(quiet))
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: "http://" + r.AdminAddr().String() + "/"}
	chromedp.ListenTarget(ctx, func(event any) {
		if x, ok := event.(*runtime.EventExceptionThrown); ok {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.thrown = append(b.thrown, x.ExceptionDetails.Error())
		}
	})
	return b
}

func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open shows a part of the console, on a screen of this size.
func (b *browser) open(part string, width, height int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		chromedp.Navigate("about:blank"), chromedp.Navigate(b.base+"#/"+part))
}

// until waits for a JavaScript expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	var got bool
	err := chromedp.Run(b.ctx, chromedp.Poll(expression, &got))
	for err != nil && b.ctx.Err() == nil && strings.Contains(err.Error(), "Cannot find context") { // it asked the page before
		err = chromedp.Run(b.ctx, chromedp.Poll(expression, &got))
	}
	if err != nil {
		var text string
		_ = chromedp.Run(b.ctx, chromedp.Text("body", &text))
		b.t.Fatalf("%s: %v; the page says:\n%s", expression, err, text)
	}
}

// shoot keeps a picture for who looks at it (go test -artifacts), and wants nothing to
// stick out at the side.
func (b *browser) shoot(name string) {
	b.t.Helper()
	var outside []string
	b.do(chromedp.Evaluate(`[...document.querySelectorAll('body *')].filter(e => {
		const r = e.getBoundingClientRect();
		return r.width > 0 && r.right > innerWidth + 0.5 && !e.closest('.scroll, pre, svg');
	}).map(e => e.tagName + '#' + e.id + '.' + e.className)`, &outside))
	if len(outside) > 0 {
		b.t.Errorf("%s: wider than the screen: %q", name, outside)
	}
	var picture []byte
	b.do(chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.thrown) > 0 {
		b.t.Errorf("%s: the page throws %q", name, b.thrown)
	}
}

// screens are a desktop and a phone, light and dark.
var screens = []struct {
	name          string
	width, height int64
	scheme        string
}{{"desktop-light", 1280, 800, "light"}, {"phone-dark", 360, 740, "dark"}, {"desktop-dark", 1280, 800, "dark"}, {"phone-light", 360, 740, "light"}}

// TestConsoleInBrowser looks at an empty tree, a small one and one of 100,000 children.
func TestConsoleInBrowser(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	b := browse(t, r)
	c := r.session("jo:secret")
	n := len(screens)
	look := func(name, part, ready string) {
		t.Helper()
		for _, s := range screens[:n] {
			b.open(part, s.width, s.height, s.scheme)
			b.until(ready)
			b.shoot(name + "-" + s.name)
		}
	}
	const listed = `document.querySelector('#count').textContent !== ''`
	look("empty", "tree/", listed)
	r.make(c, "/app", `{"name":"orders","replicas":3,"zones":["a","b"]}`, proto.OpenACL())
	r.make(c, "/app/a-child-whose-name-is-rather-long-and-has-no-place-to-break-it-0000000001", "\x00\x01\x02binary\xff", proto.OpenACL())
	r.make(c, "/closed", "secret", guarded(proto.PermAll))
	if _, _, err := c.Get(t.Context(), "/app", true); err != nil {
		t.Fatal(err)
	}
	look("small", "tree/app", listed)
	n = 2 // the other two differ in nothing but colours
	look("binary", "tree/app/a-child-whose-name-is-rather-long-and-has-no-place-to-break-it-0000000001", listed)
	look("closed", "tree/closed", `document.querySelector('#none').textContent === 'no permission'`)
	r.crowd(c, "/many", 100_000)
	look("many", "tree/many", `document.querySelectorAll('#children li').length === 100`)
	b.do(chromedp.Click("#next"))
	b.until(`document.querySelector('#place').textContent === '101–200 of 100,000'`)
	b.do(chromedp.SendKeys("#prefix", "child-09999"))
	b.until(`document.querySelectorAll('#children li').length === 10`)
	look("sessions", "sessions", `document.querySelectorAll('#sessions tbody tr').length > 0`)
	look("watches", "watches", `document.querySelectorAll('#watches tbody tr').length > 0`)
	look("ensemble", "ensemble", `samples.length > 1`)
}

// TestConsoleLogin changes the tree through the page.
func TestConsoleLogin(t *testing.T) {
	r := start(t, configure(t, t.TempDir()), server.Options{})
	b := browse(t, r)
	c := r.session("jo:secret")
	r.make(c, "/closed", "old", guarded(proto.PermAll))
	b.open("tree/closed", 360, 740, "light")
	b.until(`document.querySelector('#data').textContent === 'no permission'`)
	b.do(chromedp.Click("#who"), chromedp.SendKeys("[name=user]", "jo"), chromedp.SendKeys("[name=password]", "secret"))
	b.shoot("login")
	b.do(chromedp.Click("#ask .main"))
	b.until(`document.querySelector('#data').textContent === 'old'`)
	b.do(chromedp.Click("#edit"), chromedp.SetValue("[name=data]", "new <b>data</b>"))
	b.shoot("set")
	b.do(chromedp.Click("#ask .main"))
	b.until(`document.querySelector('#data').textContent === 'new <b>data</b>'`)
	b.do(chromedp.Click("#add"), chromedp.SendKeys("[name=name]", "ümlaut & more"))
	b.shoot("create")
	b.do(chromedp.Click("#ask .main"))
	b.until(`document.querySelector('#children').textContent === 'ümlaut & more'`)
	b.do(chromedp.Click("#children a"))
	b.until(`document.querySelector('#path').value === '/closed/ümlaut & more' && document.querySelector('#size').textContent === '0 bytes'`)
	b.do(chromedp.Click("#remove"), chromedp.Click("#ask .danger"))
	b.until(`document.querySelector('#path').value === '/closed' && document.querySelector('#none').textContent === 'none'`)
	if data, _, err := c.Get(t.Context(), "/closed", false); err != nil || string(data) != "new <b>data</b>" || strings.Contains(string(data), "&lt;") {
		t.Errorf("data is %q, %v", data, err)
	}
}
