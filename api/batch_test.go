package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// addBatch stores a file of an organisation and a batch of it, as the inference
// API does.
func addBatch(t *testing.T, w *apitest.World, org string) *sluice.BatchJob {
	t.Helper()
	now := w.Now().UTC().Truncate(time.Microsecond)
	f := &sluice.File{ID: sluice.NewID(sluice.PrefixFile, now), Org: org, Project: "proj_1", Key: "key_1", Name: "a.jsonl", Purpose: sluice.FileBatch, Size: 3, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	b := &sluice.BatchJob{
		ID: sluice.NewID(sluice.PrefixBatchJob, now), Org: org, Project: "proj_1", Key: "key_1", Endpoint: "/v1/embeddings", InputFile: f.ID, Metadata: map[string]string{"a": "b"},
		State: sluice.BatchInProgress, Model: "m", Total: 5, CreatedAt: now, ExpiresAt: now.Add(24 * time.Hour), StartedAt: now,
	}
	err := w.Store.BeginFile(t.Context(), f)
	if err == nil {
		err = w.Store.FinishFile(t.Context(), f, 1000)
	}
	if err == nil {
		err = w.Store.CreateBatchJob(t.Context(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// batchRows is who may do what with files and batches.
func batchRows() map[string]row {
	jobs := map[string]*sluice.BatchJob{}
	before := func(t *testing.T, w *apitest.World) {
		orgs, err := w.Local.Organisations(t.Context(), api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs.Data {
			if last := jobs[o.ID]; last != nil { // an organisation has so many at a time
				if last, err = w.Store.BatchJob(t.Context(), sluice.Tenant{Org: o.ID, Project: sluice.AnyProject}, last.ID); err == nil {
					last.State = sluice.BatchCancelled
					err = w.Store.UpdateBatchJob(t.Context(), last)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			jobs[o.ID] = addBatch(t, w, o.ID)
		}
	}
	ended := func(t *testing.T, w *apitest.World) {
		before(t, w)
		for _, b := range jobs {
			b.State = sluice.BatchFailed
			if err := w.Store.UpdateBatchJob(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	all := func(tail string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/organisations/" + n.org + tail, "" }
	}
	job := func(tail string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/batches/" + jobs[n.org].ID + tail, ""
		}
	}
	file := func(n tenant, _ int) (string, string) {
		return "/organisations/" + n.org + "/files/" + jobs[n.org].InputFile, ""
	}
	return map[string]row{
		"list-batches": {"oafs/oabdv", 404, 200, all("/batches"), nil},
		"get-batch":    {"oafs/oabdv", 404, 200, job(""), before},
		"cancel-batch": {"oa/oa", 404, 200, job("/cancel"), before},
		"list-files":   {"oafs/oabdv", 404, 200, all("/files"), nil},
		"get-file":     {"oafs/oabdv", 404, 200, file, before},
		"delete-file":  {"oa/oa", 404, 204, file, ended},
	}
}

func TestBatches(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org, other := w.Org("a").ID, w.Org("b").ID
	var made []*sluice.BatchJob
	for range 3 {
		w.Advance(time.Second)
		made = append(made, addBatch(t, w, org))
	}
	addBatch(t, w, other)
	b := made[0]
	got, err := w.Local.Batch(ctx, org, b.ID)
	want := api.Batch{
		ID: b.ID, Organisation: org, Project: "proj_1", Key: "key_1", State: sluice.BatchInProgress, Endpoint: "/v1/embeddings", Model: "m", Total: 5,
		InputFile: b.InputFile, Metadata: map[string]string{"a": "b"}, CreatedAt: b.CreatedAt, ExpiresAt: b.ExpiresAt, StartedAt: b.StartedAt,
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	page, err := w.Local.Batches(ctx, org, api.Paging{Limit: 2})
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != made[2].ID || page.Next != made[1].ID {
		t.Errorf("%+v, %v", page, err)
	}
	if page, err = w.Local.Batches(ctx, org, api.Paging{Cursor: page.Next}); err != nil || len(page.Data) != 1 || page.Data[0].ID != b.ID || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	files, err := w.Local.Files(ctx, org, "", api.Paging{Limit: 2})
	if err != nil || len(files.Data) != 2 || files.Data[0].ID != made[2].InputFile || files.Next != made[1].InputFile {
		t.Errorf("%+v, %v", files, err)
	}
	if files, err = w.Local.Files(ctx, org, sluice.FileBatchOutput, api.Paging{}); err != nil || len(files.Data) != 0 {
		t.Errorf("%+v, %v", files, err)
	}
	f, err := w.Local.File(ctx, org, b.InputFile)
	if err != nil || fmt.Sprint(f.Name, f.Purpose, f.Bytes, f.Key) != "a.jsonlbatch3key_1" {
		t.Errorf("%+v, %v", f, err)
	}
	if err := w.Local.DeleteFile(ctx, org, b.InputFile); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("a file in use: %v", err)
	}
	for range 2 {
		if got, err = w.Local.CancelBatch(ctx, org, b.ID); err != nil || got.State != sluice.BatchCancelling {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if b, err = w.Store.BatchJob(ctx, sluice.Tenant{Org: org, Project: sluice.AnyProject}, b.ID); err == nil {
		b.State = sluice.BatchFailed
		b.Errors = []sluice.BatchError{{Code: "empty_file", Message: "m"}}
		err = w.Store.UpdateBatchJob(ctx, b)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err = w.Local.Batch(ctx, org, b.ID); err != nil || len(got.Errors) != 1 || got.Errors[0].Code != "empty_file" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := w.Local.DeleteFile(ctx, org, b.InputFile); err != nil {
		t.Error(err)
	}
	if _, err := w.Local.File(ctx, org, b.InputFile); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("a file that was deleted: %v", err)
	}
	if _, err := w.Local.CancelBatch(ctx, org, b.ID); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("a batch that has ended: %v", err)
	}
}
