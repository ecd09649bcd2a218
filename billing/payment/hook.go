package payment

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"sluice"
)

// Bounds of a webhook.
const (
	maxNotice  = 64 << 10 // bytes of its body
	noticeTime = 10 * time.Second
)

// Hook is where a provider sends its webhooks. It answers 200 to what was taken
// in, or is none of ours; 4xx to what is not authentic or not about what the
// payment is bound to; and 503 to what should be sent again. A provider that is
// not set up, and Manual, have none: ok is false.
func (s *Service) Hook(provider string) (h http.Handler, ok bool) {
	by, ok := s.opt.Providers[provider]
	if !ok || provider == Manual {
		return nil, false
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, err := s.receive(w, r, provider, by)
		if err != nil {
			s.opt.Log.WarnContext(r.Context(), "a webhook was refused", "provider", provider, "status", status, "error", err)
		}
		if status == http.StatusOK {
			return
		}
		http.Error(w, http.StatusText(status), status) // no more: it may be a forger who asks
	}), true
}

// receive reads a webhook, has it checked and takes it in.
func (s *Service) receive(w http.ResponseWriter, r *http.Request, provider string, by Provider) (status int, err error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, errors.New("not a POST")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New("its content type is not application/json")
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(noticeTime)) // a recorder in tests has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
	_ = conn.SetReadDeadline(time.Time{}) // what follows may take longer
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return http.StatusRequestEntityTooLarge, err
		}
		return http.StatusBadRequest, err
	}
	notice, err := by.Notice(r.Context(), r.Header, body, s.opt.Now())
	if err == nil {
		err = s.Hear(r.Context(), provider, notice)
	}
	switch sluice.CodeOf(err) {
	case "":
		return http.StatusOK, nil
	case sluice.CodeUnauthenticated, sluice.CodeInvalid:
		return http.StatusBadRequest, err
	case sluice.CodeConflict:
		return http.StatusConflict, err
	}
	return http.StatusServiceUnavailable, err
}

// Hear takes in an authentic notice of a provider. What is not about a payment
// that we asked this provider for is left alone, with a line in the log: a
// provider's account may serve others too. Errors: CodeConflict when it is not
// about what the payment is bound to; any other says that it should be told again.
func (s *Service) Hear(ctx context.Context, provider string, n sluice.Notice) error {
	log := s.opt.Log.With("provider", provider, "notice", n.ID, "topic", n.Topic)
	if n.Kind == sluice.NoticeOther {
		log.InfoContext(ctx, "a webhook was acknowledged that says nothing of payments")
		return nil
	}
	late := false
	read := func(ctx context.Context) (*sluice.Payment, error) {
		return s.opt.Store.ProviderPayment(ctx, provider, n.Payment, n.Reference)
	}
	p, err := s.change(ctx, read, func(p *sluice.Payment) error {
		late = n.Kind == sluice.NoticePaid && !p.Paid && s.State(p) != sluice.PaymentCreated && s.State(p) != sluice.PaymentPending
		return hear(p, &n)
	})
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		log.WarnContext(ctx, "a webhook was acknowledged that is about no payment of this provider here", "payment", n.Payment, "reference", n.Reference)
		return nil
	}
	if err != nil {
		return err
	}
	if late {
		log.WarnContext(ctx, "a payment was paid after its end; the money is there, so that it is booked", "payment", p.ID, "organisation", p.Org)
	}
	return nil
}
