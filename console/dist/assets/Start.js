import{a as e,f as t,l as n,m as r,p as i,r as a,s as o,x as s}from"./index.js";import{E as c,G as l,L as u,M as d,N as f,P as p,Q as m,V as h,X as g,Y as _,Z as v,dt as y,et as b,h as x,j as S,k as C,lt as w,ot as T,r as E,rt as D,st as O,tt as k,ut as A}from"./text.svelte.js";import{t as ee}from"./Badge.js";import{t as j}from"./Code.js";import{t as te}from"./Money.js";import{t as ne}from"./Page.js";import{t as M}from"./Section.js";import{t as re}from"./Select.js";import{t as ie}from"./Load.js";import{t as ae}from"./Tabs.js";import{n as N,r as oe,t as P}from"./NewSecret.js";import{n as F}from"./amount.js";import{n as I}from"./load.svelte.js";function L({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
  -H "Authorization: Bearer ${t}" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "${n}", "messages": [{"role": "user", "content": "What is Sluice?"}]}'`},{key:`python`,name:`Python`,where:`pip install openai`,text:`from openai import OpenAI

client = OpenAI(base_url="${r}", api_key="${t}")

answer = client.chat.completions.create(
    model="${n}",
    messages=[{"role": "user", "content": "What is Sluice?"}],
)
print(answer.choices[0].message.content)`},{key:`node`,name:`Node`,where:`npm install openai`,text:`import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${r}', apiKey: '${t}' })

const answer = await client.chat.completions.create({
  model: '${n}',
  messages: [{ role: 'user', content: 'What is Sluice?' }],
})
console.log(answer.choices[0].message.content)`},{key:`go`,name:`Go`,where:`go get github.com/openai/openai-go/v3`,text:`client := openai.NewClient(
	option.WithBaseURL("${r}"),
	option.WithAPIKey("${t}"),
)
answer, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
	Model:    "${n}",
	Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What is Sluice?")},
})`},{key:`claude`,name:`Claude Code`,where:`shell`,text:`export ANTHROPIC_BASE_URL=${e}
export ANTHROPIC_AUTH_TOKEN=${t}
export ANTHROPIC_MODEL=${n}
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${n}
claude`},{key:`codex`,name:`Codex`,where:`~/.codex/config.toml`,text:`# First: export SLUICE_API_KEY=${t}
model = "${n}"
model_provider = "sluice"

[model_providers.sluice]
name = "Sluice"
base_url = "${r}"
env_key = "SLUICE_API_KEY"
wire_api = "responses"`},{key:`cline`,name:`Cline`,where:`Settings → API Provider: OpenAI Compatible`,text:`Base URL: ${r}
API Key:  ${t}
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var R=p(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),se=p(`<div><!></div>`),ce=p(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),le=p(`<!> <!>`,1),ue=p(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),de=p(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),fe=p(`<!> <!> <!>`,1);function z(p,z){O(z,!0);let B=I(e=>r(i.GET(`/models`,{params:{query:{limit:1e3}},signal:e}))),V=I(e=>r(i.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:e}))),pe=I(e=>r(i.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:e}))),me=D(()=>t.may(z.org,`create-key`)),H=k(!1),U=k(void 0),W=k(``),G=k(``),K=k(`curl`),q=D(()=>h(W).trim()||N.of(z.org)),J=D(()=>h(G)||B.data?.data[0]?.name||``),Y=D(()=>h(q)?`${h(q).slice(0,6)}…${h(q).slice(-4)}`:`sk-your-key`),X=D(()=>L({origin:location.origin,key:h(q)||`sk-your-key`,model:h(J)})),he=D(()=>L({origin:location.origin,key:h(Y),model:h(J)}));var Z=fe(),Q=g(Z);ne(Q,{get title(){return E.start.title},get text(){return E.start.text},narrow:!0,actions:e=>{var t=f(),n=g(t),r=e=>{var t=R(),n=g(t),r=_(n),i=v(r,!0),a=m(r,2);te(a,{get value(){return V.data.available},get currency(){return V.data.currency}}),A(n);var o=m(n,2),c=e=>{ee(e,{kind:`warn`,children:(e,t)=>{w();var n=u();l(()=>S(n,E.start.empty)),d(e,n)},$$slots:{default:!0}})},f=D(()=>F(V.data.available,`0`)<=0);C(o,e=>{h(f)&&e(c)}),l(e=>{x(n,`href`,e),S(i,E.start.balance)},[()=>s(`/${z.org}/balance`)]),d(e,t)};C(n,e=>{V.data&&e(r)}),d(e,t)},children:(r,i)=>{var p=de(),x=g(p),T=_(x);M(T,{get title(){return E.start.baseUrl},get text(){return E.start.baseUrlText},children:(e,t)=>{j(e,{text:`${location.origin}/v1`,get label(){return E.start.baseUrl}})},$$slots:{default:!0}});var O=m(T,2);M(O,{get title(){return E.start.key},get text(){return E.start.keyText},children:(e,t)=>{var r=ce(),i=g(r),o=e=>{j(e,{get text(){return h(q)},get shown(){return h(Y)},get label(){return E.start.key}})};C(i,e=>{h(q)&&e(o)});var s=m(i,2),c=e=>{var t=se(),r=_(t);{let e=D(()=>h(q)?`plain`:`primary`);n(r,{get kind(){return h(e)},icon:`plus`,onclick:()=>b(H,!0),children:(e,t)=>{w();var n=u();l(()=>S(n,E.start.keyMake)),d(e,n)},$$slots:{default:!0}})}A(t),d(e,t)};C(s,e=>{h(me)&&e(c)});var f=m(s,2),p=_(f),y=v(p,!0),x=m(p,2);a(x,{get label(){return E.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return E.start.keyStays},get value(){return h(W)},set value(e){b(W,e,!0)}}),A(f),l(()=>S(y,E.start.keyHave)),d(e,r)},$$slots:{default:!0}}),A(x);var k=m(x,2);ie(k,{get from(){return B},waiting:t=>{e(t,{lines:6,height:1.5})},children:(e,r=y)=>{var i=f(),a=g(i),p=e=>{o(e,{icon:`model`,get title(){return E.start.noModels},get text(){return E.start.noModelsText}})},_=e=>{M(e,{get title(){return E.start.snippets},actions:e=>{var i=le(),a=g(i),o=e=>{{let t=D(()=>s(`/${z.org}/playground?models=${encodeURIComponent(h(J))}`));n(e,{kind:`quiet`,icon:`play`,get href(){return h(t)},children:(e,t)=>{w();var n=u();l(()=>S(n,E.playground.title)),d(e,n)},$$slots:{default:!0}})}},c=D(()=>t.may(z.org,`play-chat`));C(a,e=>{h(c)&&e(o)});var f=m(a,2);{let e=D(()=>r().data.map(e=>({value:e.name,text:e.name})));re(f,{hidden:!0,get label(){return E.start.model},get value(){return h(J)},get options(){return h(e)},onchange:e=>b(G,e,!0)})}d(e,i)},children:(e,t)=>{{let t=(e,t=y)=>{var n=f(),r=g(n);c(r,19,()=>h(X),e=>e.key,(e,n,r)=>{var i=f(),a=g(i),o=e=>{var t=ue(),i=g(t),a=v(i,!0),o=m(i,2);{let e=D(()=>h(he)[h(r)]?.text);j(o,{get text(){return h(n).text},get shown(){return h(e)},get label(){return h(n).name}})}l(()=>S(a,h(n).where)),d(e,t)};C(a,e=>{h(n).key===t()&&e(o)}),d(e,i)}),d(e,n)},n=D(()=>h(X).map(e=>({key:e.key,text:e.name})));ae(e,{get label(){return E.start.snippets},get tabs(){return h(n)},get chosen(){return h(K)},set chosen(e){b(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};C(a,e=>{r().data.length===0?e(p):e(_,-1)}),d(e,i)},$$slots:{waiting:!0,default:!0}}),d(r,p)},$$slots:{actions:!0,default:!0}});var $=m(Q,2),ge=e=>{{let n=D(()=>t.organisation(z.org)?.currency??`USD`),r=D(()=>pe.data?.data??[]);oe(e,{get org(){return z.org},get currency(){return h(n)},get projects(){return h(r)},onclose:()=>b(H,!1),ondone:e=>{b(U,e),b(W,``),e&&N.keep(z.org,e.key)}})}};C($,e=>{h(H)&&e(ge)});var _e=m($,2);P(_e,{get org(){return z.org},get key(){return h(U)},start:!1,onclose:()=>b(U,void 0)}),d(p,Z),T()}export{z as default};