package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/product/job"
	"sluice/store"
	"sluice/wire/openai"
)

// TestVideo makes a video from the first request to its deletion.
func TestVideo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		if v.Status != "queued" || v.Object != "video" || v.Seconds != "2" || v.Size != "160x96" || *v.Prompt != "a river" || !sluice.IsID(v.ID, "video") {
			t.Errorf("%+v", v)
		}
		r.wantHolds(1)
		time.Sleep(5 * time.Second)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "in_progress" || v.Progress < 30 || v.Progress > 60 {
			t.Errorf("%+v", v)
		}
		if w := r.ask("org_a", "GET", "/v1/videos/"+v.ID+"/content", ""); w.Code != http.StatusNotFound {
			t.Errorf("content before the end: %d", w.Code)
		}
		r.wantBooked(0, 0)
		time.Sleep(10 * time.Second)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" || v.Progress != 100 || v.CompletedAt == nil || v.ExpiresAt == nil {
			t.Errorf("%+v", v)
		}
		r.wantBooked(1, 2*perSecond)
		r.wantHolds(0)
		film := r.ask("org_a", "GET", "/v1/videos/"+v.ID+"/content", "")
		if film.Code != http.StatusOK || film.Header().Get("Content-Type") != "video/mp4" || string(film.Body.Bytes()[4:8]) != "ftyp" {
			t.Errorf("%d, %v", film.Code, film.Header())
		}
		if got := r.events(); fmt.Sprint(got) != "[video.completed]" {
			t.Errorf("told %v", got)
		}
		if w := r.ask("org_a", "DELETE", "/v1/videos/"+v.ID, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"deleted":true`) {
			t.Errorf("%d, %s", w.Code, w.Body)
		}
		for _, path := range []string{"/v1/videos/" + v.ID, "/v1/videos/" + v.ID + "/content"} {
			if w := r.ask("org_a", "GET", path, ""); w.Code != http.StatusNotFound {
				t.Errorf("%s after its deletion: %d", path, w.Code)
			}
		}
		r.wantBooked(1, 2*perSecond)
	})
}

// TestForeign asks for everything of another organisation's job.
func TestForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=1s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(10 * time.Second)
		for _, c := range []struct{ method, path string }{
			{"GET", "/v1/videos/" + v.ID}, {"GET", "/v1/videos/" + v.ID + "/content"}, {"DELETE", "/v1/videos/" + v.ID}, {"GET", "/v4/async-result/" + v.ID},
		} {
			if w := r.ask("org_b", c.method, c.path, ""); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "river") {
				t.Errorf("%s %s: %d, %s", c.method, c.path, w.Code, w.Body)
			}
		}
		if w := r.ask("org_b", "GET", "/v1/videos", ""); strings.Contains(w.Body.String(), v.ID) {
			t.Errorf("%s", w.Body)
		}
		if w := r.ask("org_c", "GET", "/v1/videos/"+v.ID+"/content", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("without a key: %d", w.Code)
		}
		if w := r.ask("org_a", "GET", "/v1/videos/"+v.ID, ""); w.Code != http.StatusOK {
			t.Errorf("its owner: %d", w.Code)
		}
	})
}

// TestPriceIsFrozen raises the price while a video is made.
func TestPriceIsFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(time.Second)
		r.publish("book_2", 9*perSecond)
		r.configure()
		time.Sleep(20 * time.Second)
		r.wantBooked(1, 2*perSecond)
		object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(20 * time.Second)
		if all := r.booked("org_a"); len(all) != 2 || all[0].Charge+all[1].Charge != 20*perSecond {
			t.Errorf("%+v", all)
		}
	})
}

// TestFails releases what was held for a video that could not be made.
func TestFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=4s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", `{"model":"m","prompt":"fail me","seconds":"2"}`)
		refused := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", `{"model":"m","prompt":"refuse me","seconds":"2"}`)
		r.wantHolds(1) // the engine refused the other at once
		time.Sleep(10 * time.Second)
		for id, message := range map[string]string{v.ID: "asked to fail", refused.ID: "asked to refuse"} {
			if v := object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+id, ""); v.Status != "failed" || v.Error == nil || !strings.Contains(v.Error.Message, message) {
				t.Errorf("%+v, %+v", v, v.Error)
			}
		}
		r.wantHolds(0)
		r.wantBooked(0, 0)
		if got := r.events(); fmt.Sprint(got) != "[video.failed video.failed]" {
			t.Errorf("told %v", got)
		}
	})
}

// TestRefusedAtOnce takes no job on that cannot be paid or understood.
func TestRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant")
		for body, status := range map[string]int{
			`{"model":"m","prompt":"x","seconds":"600"}`: http.StatusPaymentRequired, `{"model":"m"}`: http.StatusBadRequest, `{"model":"none","prompt":"x"}`: http.StatusNotFound,
			`{"model":"m","prompt":"x","input_reference":{"image_url":"http://10.0.0.1/"}}`: http.StatusBadRequest,
		} {
			if w := r.ask("org_a", "POST", "/v1/videos", body); w.Code != status {
				t.Errorf("%s: %d, %s", body, w.Code, w.Body)
			}
		}
		r.wantHolds(0)
	})
}

// TestIdempotency sends one request twice, and another under its key.
func TestIdempotency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=1s")
		first := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver, "Idempotency-Key", "one")
		time.Sleep(10 * time.Second)
		again := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver, "Idempotency-Key", "one")
		other := object[openai.VideoObject](r, "org_b", "POST", "/v1/videos", aRiver, "Idempotency-Key", "one")
		if again.ID != first.ID || again.Status != "completed" || other.ID == first.ID {
			t.Errorf("%+v, %+v, %+v", first, again, other)
		}
		if w := r.ask("org_a", "POST", "/v1/videos", `{"model":"m","prompt":"a sea"}`, "Idempotency-Key", "one"); w.Code != http.StatusConflict {
			t.Errorf("%d, %s", w.Code, w.Body)
		}
		time.Sleep(10 * time.Second)
		r.wantBooked(1, 2*perSecond)
		r.wantHolds(0)
	})
}

// dying is a store in which, from the n-th note on, nothing more is written down:
// what a process sees that dies there.
type dying struct {
	*store.DB
	left int
}

func (d *dying) UpdateJob(ctx context.Context, j *sluice.Job) error {
	if d.left--; d.left < 0 {
		return errors.New("dead")
	}
	return d.DB.UpdateJob(ctx, j)
}

// TestCrash dies before each of the notes that are made of a video. It is made
// and booked once whatever was lost.
func TestCrash(t *testing.T) {
	for notes := range 6 { // begun, at an engine, kept, completed, announced; and one too many
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "sim:instant?film=10s")
			r.stop()
			r.notes = func() job.Jobs { return &dying{r.store, notes} }
			r.start()
			v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
			time.Sleep(20 * time.Second)
			r.stop()
			r.notes = nil
			r.start()
			time.Sleep(10 * time.Minute)
			if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" {
				t.Errorf("%d notes: %+v, %+v", notes, v, v.Error)
			}
			r.wantBooked(1, 2*perSecond)
			r.wantHolds(0)
			if film := r.ask("org_a", "GET", "/v1/videos/"+v.ID+"/content", ""); film.Code != http.StatusOK || !slices.Contains(r.events(), "video.completed") {
				t.Errorf("%d notes: %d, told %v", notes, film.Code, r.events())
			}
		})
	}
}

// TestRestart stops the server at moments of a video's making and after it. It
// is made and booked once, and the money stays held.
func TestRestart(t *testing.T) {
	for _, at := range []int{1, 10, 12} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "sim:instant?film=10s")
			v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
			time.Sleep(time.Duration(at) * time.Second)
			r.stop()
			r.start()
			if n := len(r.booked("org_a")); r.ledger.Holds()+n != 1 {
				t.Errorf("%d s: %d holds and %d events", at, r.ledger.Holds(), n)
			}
			time.Sleep(30 * time.Second)
			if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" {
				t.Errorf("%d s: %+v, %+v", at, v, v.Error)
			}
			r.wantBooked(1, 2*perSecond)
			r.wantHolds(0)
			if got := r.events(); len(got) == 0 || got[0] != "video.completed" {
				t.Errorf("%d s: told %v", at, got)
			}
			if film := r.ask("org_a", "GET", "/v1/videos/"+v.ID+"/content", ""); film.Code != http.StatusOK {
				t.Errorf("%d s: %d", at, film.Code)
			}
		})
	}
}

// TestRestartWithoutMoney spends the money while the server is down: the job
// fails and says why.
func TestRestartWithoutMoney(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		r.stop()
		r.meanwhile = func() {
			now := time.Now()
			id := sluice.NewID(sluice.PrefixCall, now)
			_, err := r.ledger.Hold(context.Background(), sluice.HoldRequest{CallID: id, Org: "org_a", Key: "key_org_a", Currency: "USD", Want: 99 * perSecond, Least: 99 * perSecond, Model: "m", At: now})
			r.must(err)
			_, err = r.ledger.Settle(context.Background(), sluice.Event{
				CallID: id, Org: "org_a", Key: "key_org_a", Model: "m", Engine: "one", Endpoint: "/v1/videos", AdmittedAt: now, EndedAt: now,
				Status: sluice.StatusCompleted, Usage: sluice.Usage{sluice.ClassVideoSecond: 99}, Currency: "USD", Book: "book_1", List: 99 * perSecond,
			})
			r.must(err)
		}
		r.start()
		time.Sleep(10 * time.Second)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "failed" || v.Error.Code != string(sluice.CodeInsufficientFunds) || !strings.Contains(v.Error.Message, "restarted") {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantHolds(0)
		r.wantBooked(1, 99*perSecond)
	})
}

// TestEngineForgets has the engine lose what it was making.
func TestEngineForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(5 * time.Second)
		r.stop()
		r.engine = simulated(t, "sim:instant?film=10s")
		r.start()
		time.Sleep(3 * time.Minute)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantBooked(1, 2*perSecond)
	})
}

// TestEngineIsFull waits for an engine that refuses at first.
func TestEngineIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant")
		full := true
		inner := r.engine
		r.stop()
		var mu sync.Mutex
		r.engine = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if full && req.Method == http.MethodPost {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			inner.ServeHTTP(w, req)
		})
		r.start()
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(time.Minute)
		r.wantHolds(1)
		mu.Lock()
		full = false
		mu.Unlock()
		time.Sleep(10 * time.Minute)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantBooked(1, 2*perSecond)
	})
}

// TestDeferred takes a video on while there is no power for it, and makes it once
// there is some.
func TestDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant")
		r.deferred.Store(100)
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(time.Hour)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "queued" {
			t.Errorf("without power it is %s", v.Status)
		}
		r.deferred.Store(90)
		time.Sleep(10 * time.Minute)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" {
			t.Errorf("with some power it is %s, %+v", v.Status, v.Error)
		}
		r.wantBooked(1, 2*perSecond)
	})
}

// TestTooLong gives a video up that does not come.
func TestTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant")
		r.stop()
		r.engine = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":"for_ever","status":"in_progress","progress":1}`)
		})
		r.start()
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(24*time.Hour + time.Minute)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "failed" || v.Error.Code != string(sluice.CodeTimeout) {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantHolds(0)
		r.wantBooked(0, 0)
		time.Sleep(74 * time.Hour)
		if w := r.ask("org_a", "GET", "/v1/videos/"+v.ID, ""); w.Code != http.StatusNotFound {
			t.Errorf("after its time: %d", w.Code)
		}
	})
}

// TestRequestIsGone loses what a job was to ask: it fails in the end, and does not
// hold money for ever.
func TestRequestIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		r.stop()
		if err := os.RemoveAll(filepath.Join(r.dir, "blobs")); err != nil {
			t.Fatal(err)
		}
		r.start()
		time.Sleep(25 * time.Hour)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "failed" || v.Error.Code != string(sluice.CodeTimeout) {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantHolds(0)
	})
}

// TestDeleteRunning stops a video that is being made.
func TestDeleteRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(5 * time.Second)
		if w := r.ask("org_a", "DELETE", "/v1/videos/"+v.ID, ""); w.Code != http.StatusOK {
			t.Errorf("%d, %s", w.Code, w.Body)
		}
		r.wantHolds(0)
		time.Sleep(time.Minute)
		r.wantBooked(0, 0)
		if len(r.events()) != 0 {
			t.Errorf("told %v", r.events())
		}
	})
}

// task is what Z.ai's façade answers.
type task struct {
	ID        string
	RequestID string                 `json:"request_id"`
	Status    string                 `json:"task_status"`
	Videos    []struct{ URL string } `json:"video_result"`
	Images    []struct{ URL string } `json:"image_result"`
	Choices   []struct{ Message struct{ Content string } }
}

// TestTasks makes a video, an image and a chat in Z.ai's way.
func TestTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=10s")
		video := object[task](r, "org_a", "POST", "/v4/videos/generations", `{"model":"m","prompt":"a river","duration":5,"size":"160x96","request_id":"mine","off_peak":true}`)
		image := object[task](r, "org_a", "POST", "/v4/async/images/generations", `{"model":"m","prompt":"a cat","size":"64x64"}`)
		chat := object[task](r, "org_a", "POST", "/v4/async/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
		if video.Status != "PROCESSING" || video.RequestID != "mine" || !sluice.IsID(video.ID, "task") {
			t.Errorf("%+v", video)
		}
		if got := object[task](r, "org_a", "GET", "/v4/async-result/"+video.ID, ""); got.Status != "PROCESSING" {
			t.Errorf("%+v", got)
		}
		time.Sleep(time.Minute)
		video = object[task](r, "org_a", "GET", "/v4/async-result/"+video.ID, "")
		if video.Status != "SUCCESS" || len(video.Videos) != 1 {
			t.Fatalf("%+v", video)
		}
		film := httptest.NewRecorder()
		r.mux.ServeHTTP(film, httptest.NewRequest("GET", strings.TrimPrefix(video.Videos[0].URL, "http://here"), nil))
		if film.Code != http.StatusOK || film.Header().Get("Content-Type") != "video/mp4" {
			t.Errorf("%d, %v", film.Code, film.Header())
		}
		if image = object[task](r, "org_a", "GET", "/api/paas/v4/async-result/"+image.ID, ""); image.Status != "SUCCESS" || len(image.Images) != 1 || !strings.HasPrefix(image.Images[0].URL, "http://here/org_a/") {
			t.Errorf("%+v", image)
		}
		if chat = object[task](r, "org_a", "GET", "/v4/async-result/"+chat.ID, ""); chat.Status != "SUCCESS" || !strings.HasPrefix(chat.Choices[0].Message.Content, "[simulated]") {
			t.Errorf("%+v", chat)
		}
		off := sluice.Pico(0)
		for _, ev := range r.booked("org_a") {
			if ev.Usage[sluice.ClassVideoSecond] > 0 {
				off = ev.Charge
			}
		}
		if len(r.booked("org_a")) != 3 || off != 5*perSecond/2 {
			t.Errorf("%d events; the video off peak cost %d", len(r.booked("org_a")), off)
		}
		r.wantHolds(0)
	})
}

// TestForm sends a picture along, as OpenAI's SDKs do.
func TestForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=1s")
		body := "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na river\r\n" +
			"--b\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\nPNG\r\n--b--\r\n"
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", body, "Content-Type", "multipart/form-data; boundary=b")
		time.Sleep(10 * time.Second)
		if v = object[openai.VideoObject](r, "org_a", "GET", "/v1/videos/"+v.ID, ""); v.Status != "completed" || v.Seconds != "4" {
			t.Errorf("%+v, %+v", v, v.Error)
		}
		r.wantBooked(1, 4*perSecond)
	})
}

// TestFormAgain sends one form twice, as clients do that try again: parted in
// another way.
func TestFormAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=1s")
		send := func(boundary, prompt string) *httptest.ResponseRecorder {
			body := "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n" + prompt + "\r\n--B--\r\n"
			return r.ask("org_a", "POST", "/v1/videos", strings.ReplaceAll(body, "B", boundary), "Content-Type", "multipart/form-data; boundary="+boundary, "Idempotency-Key", "k")
		}
		first, again, other := send("x1", "a river"), send("x2", "a river"), send("x3", "a sea")
		var one, same openai.VideoObject // which may have begun meanwhile
		for w, to := range map[*httptest.ResponseRecorder]*openai.VideoObject{first: &one, again: &same} {
			if err := json.Unmarshal(w.Body.Bytes(), to); err != nil || w.Code != http.StatusOK {
				t.Errorf("%d, %v, %s", w.Code, err, w.Body)
			}
		}
		if one.ID == "" || one.ID != same.ID || other.Code != http.StatusConflict {
			t.Errorf("%s, %s, %s", first.Body, again.Body, other.Body)
		}
		time.Sleep(10 * time.Second)
		r.wantBooked(1, 4*perSecond)
	})
}

// TestList pages through videos.
func TestList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant?film=1s")
		var ids []string
		for range 5 {
			ids = append(ids, object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver).ID)
			time.Sleep(time.Second)
		}
		type page struct {
			Data    []openai.VideoObject
			LastID  string `json:"last_id"`
			HasMore bool   `json:"has_more"`
		}
		first := object[page](r, "org_a", "GET", "/v1/videos?limit=2", "")
		second := object[page](r, "org_a", "GET", "/v1/videos?limit=2&after="+first.LastID, "")
		up := object[page](r, "org_a", "GET", "/v1/videos?order=asc", "")
		if first.Data[0].ID != ids[4] || !first.HasMore || second.Data[0].ID != ids[2] || up.Data[0].ID != ids[0] || len(up.Data) != 5 || up.HasMore {
			t.Errorf("%+v, %+v, %+v", first, second, up)
		}
		for _, query := range []string{"?limit=0", "?limit=x", "?order=up"} {
			if w := r.ask("org_a", "GET", "/v1/videos"+query, ""); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", query, w.Code)
			}
		}
		time.Sleep(10 * time.Second)
	})
}

// TestSynchronousEngine asks an engine that knows only /v1/videos/sync.
func TestSynchronousEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "sim:instant")
		r.stop()
		r.engine = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/v1/videos/sync" {
				http.NotFound(w, req)
				return
			}
			body, _ := io.ReadAll(req.Body)
			if !bytes.Contains(body, []byte(`"model":"own"`)) {
				t.Errorf("the engine got %s", body)
			}
			w.Header().Set("Content-Type", "video/mp4")
			io.WriteString(w, "\x00\x00\x00\x10ftypisom film")
		})
		r.start()
		v := object[openai.VideoObject](r, "org_a", "POST", "/v1/videos", aRiver)
		time.Sleep(10 * time.Second)
		if film := r.ask("org_a", "GET", "/v1/videos/"+v.ID+"/content", ""); !strings.HasSuffix(film.Body.String(), "film") {
			t.Errorf("%d, %s", film.Code, film.Body)
		}
		r.wantBooked(1, 2*perSecond)
	})
}
