import{a as e,f as t,l as n,m as r,p as i,r as a,s as o,x as s}from"./index.js";import{$ as c,E as l,H as u,K as d,L as f,M as p,N as m,P as h,Q as g,X as _,Z as v,ct as y,dt as b,ft as x,h as S,it as C,j as w,k as T,nt as E,r as D,st as O,tt as k,ut as A}from"./text.svelte.js";import{t as ee}from"./Badge.js";import{t as j}from"./Code.js";import{t as te}from"./Money.js";import{t as ne}from"./Page.js";import{t as M}from"./Section.js";import{t as re}from"./Select.js";import{t as ie}from"./Load.js";import{t as ae}from"./Tabs.js";import{n as N,r as oe,t as P}from"./NewSecret.js";import{n as F}from"./amount.js";import{n as I}from"./load.svelte.js";function L({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var R=h(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),se=h(`<div><!></div>`),ce=h(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),le=h(`<!> <!>`,1),ue=h(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),de=h(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),fe=h(`<!> <!> <!>`,1);function z(h,z){y(z,!0);let B=I(e=>r(i.GET(`/models`,{params:{query:{limit:1e3}},signal:e}))),V=I(e=>r(i.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:e}))),pe=I(e=>r(i.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:e}))),me=C(()=>t.may(z.org,`create-key`)),H=E(!1),U=E(void 0),W=E(``),G=E(``),K=E(`curl`),q=C(()=>u(W).trim()||N.of(z.org)),J=C(()=>u(G)||B.data?.data[0]?.name||``),Y=C(()=>u(q)?`${u(q).slice(0,6)}…${u(q).slice(-4)}`:`sk-your-key`),X=C(()=>L({origin:location.origin,key:u(q)||`sk-your-key`,model:u(J)})),he=C(()=>L({origin:location.origin,key:u(Y),model:u(J)}));var Z=fe(),Q=v(Z);ne(Q,{get title(){return D.start.title},get text(){return D.start.text},narrow:!0,actions:e=>{var t=m(),n=v(t),r=e=>{var t=R(),n=v(t),r=_(n),i=g(r,!0),a=c(r,2);te(a,{get value(){return V.data.available},get currency(){return V.data.currency}}),b(n);var o=c(n,2),l=e=>{ee(e,{kind:`warn`,children:(e,t)=>{A();var n=f();d(()=>w(n,D.start.empty)),p(e,n)},$$slots:{default:!0}})},m=C(()=>F(V.data.available,`0`)<=0);T(o,e=>{u(m)&&e(l)}),d(e=>{S(n,`href`,e),w(i,D.start.balance)},[()=>s(`/${z.org}/balance`)]),p(e,t)};T(n,e=>{V.data&&e(r)}),p(e,t)},children:(r,i)=>{var h=de(),y=v(h),S=_(y);M(S,{get title(){return D.start.baseUrl},get text(){return D.start.baseUrlText},children:(e,t)=>{j(e,{text:`${location.origin}/v1`,get label(){return D.start.baseUrl}})},$$slots:{default:!0}});var E=c(S,2);M(E,{get title(){return D.start.key},get text(){return D.start.keyText},children:(e,t)=>{var r=ce(),i=v(r),o=e=>{j(e,{get text(){return u(q)},get shown(){return u(Y)},get label(){return D.start.key}})};T(i,e=>{u(q)&&e(o)});var s=c(i,2),l=e=>{var t=se(),r=_(t);{let e=C(()=>u(q)?`plain`:`primary`);n(r,{get kind(){return u(e)},icon:`plus`,onclick:()=>k(H,!0),children:(e,t)=>{A();var n=f();d(()=>w(n,D.start.keyMake)),p(e,n)},$$slots:{default:!0}})}b(t),p(e,t)};T(s,e=>{u(me)&&e(l)});var m=c(s,2),h=_(m),y=g(h,!0),x=c(h,2);a(x,{get label(){return D.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return D.start.keyStays},get value(){return u(W)},set value(e){k(W,e,!0)}}),b(m),d(()=>w(y,D.start.keyHave)),p(e,r)},$$slots:{default:!0}}),b(y);var O=c(y,2);ie(O,{get from(){return B},waiting:t=>{e(t,{lines:6,height:1.5})},children:(e,r=x)=>{var i=m(),a=v(i),h=e=>{o(e,{icon:`model`,get title(){return D.start.noModels},get text(){return D.start.noModelsText}})},_=e=>{M(e,{get title(){return D.start.snippets},actions:e=>{var i=le(),a=v(i),o=e=>{{let t=C(()=>s(`/${z.org}/playground?models=${encodeURIComponent(u(J))}`));n(e,{kind:`quiet`,icon:`play`,get href(){return u(t)},children:(e,t)=>{A();var n=f();d(()=>w(n,D.playground.title)),p(e,n)},$$slots:{default:!0}})}},l=C(()=>t.may(z.org,`play-chat`));T(a,e=>{u(l)&&e(o)});var m=c(a,2);{let e=C(()=>r().data.map(e=>({value:e.name,text:e.name})));re(m,{hidden:!0,get label(){return D.start.model},get value(){return u(J)},get options(){return u(e)},onchange:e=>k(G,e,!0)})}p(e,i)},children:(e,t)=>{{let t=(e,t=x)=>{var n=m(),r=v(n);l(r,19,()=>u(X),e=>e.key,(e,n,r)=>{var i=m(),a=v(i),o=e=>{var t=ue(),i=v(t),a=g(i,!0),o=c(i,2);{let e=C(()=>u(he)[u(r)]?.text);j(o,{get text(){return u(n).text},get shown(){return u(e)},get label(){return u(n).name}})}d(()=>w(a,u(n).where)),p(e,t)};T(a,e=>{u(n).key===t()&&e(o)}),p(e,i)}),p(e,n)},n=C(()=>u(X).map(e=>({key:e.key,text:e.name})));ae(e,{get label(){return D.start.snippets},get tabs(){return u(n)},get chosen(){return u(K)},set chosen(e){k(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};T(a,e=>{r().data.length===0?e(h):e(_,-1)}),p(e,i)},$$slots:{waiting:!0,default:!0}}),p(r,h)},$$slots:{actions:!0,default:!0}});var $=c(Q,2),ge=e=>{{let n=C(()=>t.organisation(z.org)?.currency??`USD`),r=C(()=>pe.data?.data??[]);oe(e,{get org(){return z.org},get currency(){return u(n)},get projects(){return u(r)},onclose:()=>k(H,!1),ondone:e=>{k(U,e),k(W,``),e&&N.keep(z.org,e.key)}})}};T($,e=>{u(H)&&e(ge)});var _e=c($,2);P(_e,{get org(){return z.org},get key(){return u(U)},start:!1,onclose:()=>k(U,void 0)}),p(h,Z),O()}export{z as default};