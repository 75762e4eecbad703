// Go's net/http doing the job of job.py: a line of JSON for each request, one append, then the GIF.
//
// It stands where GoatCounter would: a collector in Go, by its standard library alone. One CPU is
// what it is given. Usage: plain PORT FOLDER
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

type hit struct {
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	Event      string    `json:"event"`
	Site       string    `json:"site"`
	URL        string    `json:"url"`
	Referrer   string    `json:"referrer"`
	Value      string    `json:"value"`
	Currency   string    `json:"currency"`
	VisitorID  string    `json:"visitor_id"`
	IP         string    `json:"ip"`
	UserAgent  string    `json:"user_agent"`
	Language   string    `json:"language"`
}

func uuid4() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		log.Fatal(err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func main() {
	gif, _ := base64.StdEncoding.DecodeString(
		"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
	name := filepath.Join(os.Args[2], "hits.ndjson")
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/p.gif", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		visitor := ""
		if cookie, err := r.Cookie("hg"); err == nil {
			visitor = cookie.Value
		}
		visitor = or(visitor, uuid4())
		ip, _, _ := net.SplitHostPort(r.RemoteAddr)
		line, _ := json.Marshal(hit{
			uuid4(), time.Now().UTC(), or(q.Get("e"), "PageView"), q.Get("site"),
			or(q.Get("u"), r.Referer()), q.Get("r"), q.Get("v"), q.Get("c"), visitor, ip,
			r.UserAgent(), r.Header.Get("Accept-Language"),
		})
		if _, err := file.Write(append(line, '\n')); err != nil {
			http.Error(w, "not kept", http.StatusServiceUnavailable)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "hg", Value: visitor, Path: "/", MaxAge: 31_536_000,
			HttpOnly: true, SameSite: http.SameSiteLaxMode})
		w.Header().Set("Content-Type", "image/gif")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(gif)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
