package guide

import "strings"

// answersPage is the page whose headings are questions.
const answersPage = "questions"

// lexicon is what is known of words.
type lexicon struct {
	filler   map[string]bool
	meanings map[string][]string // stems that stand for each other
}

func newLexicon() *lexicon { return &lexicon{set(filler), thesaurus(synonyms)} }

// filler are words that tell nothing about what a question is about.
const filler = `a about after again all also am an and another any anybody anyone anything are as ask at be because been before being both but by
can cannot could did do does doing don done each else even ever every example exactly explain few find for from get getting give given go goes going good got had
has have having he hello help her here hey hi him his how however i if in inside instead into is it its just know let like look lot make makes making many may maybe me
mean means might mine more most much must my need needs never no nobody none nor not nothing now of off ok okay on once one only onto or other our out over own
please possible put question quick really right same say see seem shall she should show so some somebody someone something sorry still such supposed sure take tell than thank thanks
that the their them then there these they thing things think this those to too trying try type under until up upon us use used uses using very want wants was way we well were
what whats when where whether which while who whom whose why will wish with within without won work works would yes yet you your yours
sluice command idea step steps um describe anyone id ve ll re dont cant im isnt doesnt possible different thx ty hm day today morning afternoon evening night tonight yesterday
monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december named called`

// synonyms are words that stand for each other, on a line. The first is a word of
// the docs.
const synonyms = `
engine backend inference
attach add connect hook register join plug
organisation org company tenant
organisation customer client
key token credential
create make generate issue
remove delete drop detach rid
revoke disable kill block invalidate leaked leak
price cost charge pricing tariff fee
price rate
balance money left
credit money top fund refill dollar gift
usage used consumption spent spend
refund back return reverse reimburse
voucher coupon promo gift
budget spending alert
ledger book accounting audit
verify prove proof check correct audit integrity
proof prove
statement profit margin earn earned revenue report
invoice bill billing
plan subscription flat
payment pay card online stripe
webhook notify notified callback notification event
user colleague member teammate person invitation
administrator admin owner root
console ui dashboard gui interface web browser
listen port address
setting configure configuration config option variable
postgresql postgres database
tls https ssl certificate encrypt
upgrade update version newer migrate release
back backup save copy
stop shut shutdown kill terminate restart
start run launch boot begin
watch monitor metric prometheus health healthy status
batch bulk many
accelerator gpu npu card graphics hardware
simulate size capacity plan estimate
simulator fake simulated
power electricity watt energy kw
kubernetes k8s cluster pod
fallback backup fail
version canary rollout split traffic weight
limit restrict cap throttle rate quota
crash crashes killed lost lose die outage
licence license apache free open source commercial
embedded tiny built box builtin
gguf
log output print
install deploy binary build compile
concurrent parallel once concurrency
requirement hardware need prerequisite

install setup
hold held reserved reserve
cached cache cheaper prefix
see list show display view overview print
off disable turn without
list all
`

// set reads words between spaces.
func set(text string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		out[w] = true
	}
	return out
}

// thesaurus reads lines of words that stand for each other.
func thesaurus(text string) map[string][]string {
	out := map[string][]string{}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		for i := range words {
			words[i] = stem(words[i])
		}
		for _, w := range words {
			out[w] = append(out[w], words...)
		}
	}
	return out
}
