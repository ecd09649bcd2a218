// Package stripetest is a Stripe for tests: an HTTP server that makes Checkout
// Sessions and refunds, and the webhooks that Stripe sends, signed. The shapes
// are those of Stripe's API reference.
package stripetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What the server's account has.
const (
	Key    = "sk_test_51Sluice0000000000"
	Secret = "whsec_sluice0123456789abcdef012345"
)

// Request is one that the server got.
type Request struct {
	Method, Path   string
	Header         http.Header
	Form           url.Values
	IdempotencyKey string
}

// Server is a Stripe. Its fields may be changed under Mu.
type Server struct {
	URL string

	Mu       sync.Mutex
	Requests []Request
	Fail     func(*http.Request) (status int, body string) // when set and the status is not zero, instead of an answer
	Before   func(Request)                                 // runs before an answer goes out, without Mu

	answers  map[string]string // by idempotency key
	sessions map[string]url.Values
	Refunds  int // made, of any size
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	s := &Server{answers: map[string]string{}, sessions: map[string]url.Values{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// IntentOf is the id of the Payment Intent that belongs to one of our payments.
func IntentOf(payment string) string { return "pi_" + strings.TrimPrefix(payment, "pay_") }

// ServeHTTP answers as Stripe does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read stays empty
	req := Request{r.Method, r.URL.Path, r.Header.Clone(), r.PostForm, r.Header.Get("Idempotency-Key")}
	s.Mu.Lock()
	s.Requests = append(s.Requests, req)
	fail, before := s.Fail, s.Before
	s.Mu.Unlock()
	if before != nil {
		before(req)
	}
	if fail != nil {
		if status, body := fail(r); status != 0 {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			return
		}
	}
	status, body := s.answer(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (s *Server) answer(r *http.Request) (status int, body string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+Key {
		return 401, refusal("invalid_request_error", "", "Invalid API Key provided")
	}
	key := r.Header.Get("Idempotency-Key")
	if r.Method == http.MethodPost && key == "" {
		return 400, refusal("idempotency_error", "", "this fake wants a key with each request")
	}
	if body, ok := s.answers[key]; ok && key != "" {
		return 200, body
	}
	switch path := r.URL.Path; {
	case path == "/v1/checkout/sessions" && r.Method == http.MethodPost:
		id := "cs_test_" + strconv.Itoa(len(s.sessions)+1)
		s.sessions[IntentOf(r.PostForm.Get("client_reference_id"))] = r.PostForm
		body = write(object{"id": id, "object": "checkout.session", "status": "open", "payment_status": "unpaid", "url": "https://checkout.stripe.com/c/pay/" + id})
	case path == "/v1/refunds" && r.Method == http.MethodPost:
		if s.sessions[r.PostForm.Get("payment_intent")] == nil {
			return 404, refusal("invalid_request_error", "resource_missing", "No such payment_intent")
		}
		s.Refunds++
		amount, _ := strconv.ParseInt(r.PostForm.Get("amount"), 10, 64)
		body = write(object{"id": "re_" + strconv.Itoa(s.Refunds), "object": "refund", "amount": amount, "status": "succeeded"})
	case strings.HasPrefix(path, "/v1/payment_intents/") && r.Method == http.MethodGet:
		id := strings.TrimPrefix(path, "/v1/payment_intents/")
		session := s.sessions[id]
		if session == nil {
			return 404, refusal("invalid_request_error", "resource_missing", "No such payment_intent")
		}
		return 200, write(object{"id": id, "object": "payment_intent", "metadata": object{"sluice_payment": session.Get("payment_intent_data[metadata][sluice_payment]")}})
	default:
		return 404, refusal("invalid_request_error", "", "Unrecognized request URL")
	}
	s.answers[key] = body
	return 200, body
}

type object = map[string]any

func write(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func refusal(kind, code, message string) string {
	return write(object{"error": object{"type": kind, "code": code, "message": message}})
}

// Event is a webhook's body: something happened to an object, in test mode.
func Event(topic string, o map[string]any) []byte {
	return []byte(write(object{
		"id": "evt_" + strings.ReplaceAll(topic, ".", "_"), "object": "event", "api_version": "2025-08-27.basil", "created": 1790000000,
		"data": object{"object": o}, "livemode": false, "pending_webhooks": 1, "request": object{"id": nil, "idempotency_key": nil}, "type": topic,
	}))
}

// Session is a Checkout Session of one of our payments. status is "paid" or "unpaid".
func Session(payment string, units int64, currency, status string) map[string]any {
	return object{
		"id": "cs_test_1", "object": "checkout.session", "amount_subtotal": units, "amount_total": units, "currency": currency,
		"client_reference_id": payment, "metadata": object{"sluice_payment": payment}, "mode": "payment", "customer": nil,
		"payment_intent": IntentOf(payment), "payment_status": status, "status": "complete", "livemode": false, "url": nil,
	}
}

// Charge is the charge of one of our payments, of which so much was given back in all.
func Charge(payment string, units, refunded int64, currency string) map[string]any {
	return object{
		"id": "ch_1", "object": "charge", "amount": units, "amount_refunded": refunded, "currency": currency, "paid": true, "captured": true,
		"metadata": object{"sluice_payment": payment}, "payment_intent": IntentOf(payment), "refunded": refunded == units, "status": "succeeded", "disputed": false,
	}
}

// Dispute is a dispute over one of our payments.
func Dispute(payment string, units int64, currency, status string) map[string]any {
	return object{
		"id": "dp_1", "object": "dispute", "amount": units, "currency": currency, "charge": "ch_1", "metadata": object{},
		"payment_intent": IntentOf(payment), "reason": "fraudulent", "status": status, "is_charge_refundable": false,
	}
}

// Sign returns the header Stripe-Signature under each of the secrets.
func Sign(body []byte, at time.Time, secrets ...string) string {
	parts := []string{fmt.Sprintf("t=%d", at.Unix())}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		parts = append(parts, "v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(parts, ",")
}
