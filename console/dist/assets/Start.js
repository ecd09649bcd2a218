import{a as e,d as t,f as n,r,s as i,t as a,u as o,y as s}from"./index.js";import{$ as c,A as l,B as u,I as d,J as f,M as p,N as m,O as h,T as g,W as _,X as v,Y as y,Z as b,at as x,ct as S,et as C,h as w,j as T,lt as E,nt as D,ot as O,r as k,ut as A}from"./text.svelte.js";import{t as ee}from"./Badge.js";import{t as j}from"./Code.js";import{t as te}from"./Money.js";import{t as ne}from"./Page.js";import{t as M}from"./Section.js";import{t as re}from"./Select.js";import{t as ie}from"./Load.js";import{t as N}from"./Tabs.js";import{n as P,r as F,t as I}from"./NewSecret.js";import{n as ae}from"./amount.js";import{n as L}from"./load.svelte.js";function R({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var oe=m(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),se=m(`<div><!></div>`),ce=m(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),le=m(`<!> <!>`,1),ue=m(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),de=m(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),fe=m(`<!> <!> <!>`,1);function z(m,z){O(z,!0);let B=L(e=>n(t.GET(`/models`,{params:{query:{limit:1e3}},signal:e}))),V=L(e=>n(t.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:e}))),pe=L(e=>n(t.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:e}))),me=D(()=>o.may(z.org,`create-key`)),H=C(!1),U=C(void 0),W=C(``),G=C(``),K=C(`curl`),q=D(()=>u(W).trim()||P.of(z.org)),J=D(()=>u(G)||B.data?.data[0]?.name||``),Y=D(()=>u(q)?`${u(q).slice(0,6)}…${u(q).slice(-4)}`:`sk-your-key`),X=D(()=>R({origin:location.origin,key:u(q)||`sk-your-key`,model:u(J)})),he=D(()=>R({origin:location.origin,key:u(Y),model:u(J)}));var Z=fe(),Q=y(Z);ne(Q,{get title(){return k.start.title},get text(){return k.start.text},narrow:!0,actions:e=>{var t=p(),n=y(t),r=e=>{var t=oe(),n=y(t),r=f(n),i=v(r,!0),a=b(r,2);te(a,{get value(){return V.data.available},get currency(){return V.data.currency}}),E(n);var o=b(n,2),c=e=>{ee(e,{kind:`warn`,children:(e,t)=>{S();var n=d();_(()=>l(n,k.start.empty)),T(e,n)},$$slots:{default:!0}})},p=D(()=>ae(V.data.available,`0`)<=0);h(o,e=>{u(p)&&e(c)}),_(e=>{w(n,`href`,e),l(i,k.start.balance)},[()=>s(`/${z.org}/balance`)]),T(e,t)};h(n,e=>{V.data&&e(r)}),T(e,t)},children:(t,n)=>{var m=de(),x=y(m),C=f(x);M(C,{get title(){return k.start.baseUrl},get text(){return k.start.baseUrlText},children:(e,t)=>{j(e,{text:`${location.origin}/v1`,get label(){return k.start.baseUrl}})},$$slots:{default:!0}});var w=b(C,2);M(w,{get title(){return k.start.key},get text(){return k.start.keyText},children:(e,t)=>{var n=ce(),r=y(n),o=e=>{j(e,{get text(){return u(q)},get shown(){return u(Y)},get label(){return k.start.key}})};h(r,e=>{u(q)&&e(o)});var s=b(r,2),p=e=>{var t=se(),n=f(t);{let e=D(()=>u(q)?`plain`:`primary`);i(n,{get kind(){return u(e)},icon:`plus`,onclick:()=>c(H,!0),children:(e,t)=>{S();var n=d();_(()=>l(n,k.start.keyMake)),T(e,n)},$$slots:{default:!0}})}E(t),T(e,t)};h(s,e=>{u(me)&&e(p)});var m=b(s,2),g=f(m),x=v(g,!0),C=b(g,2);a(C,{get label(){return k.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return k.start.keyStays},get value(){return u(W)},set value(e){c(W,e,!0)}}),E(m),_(()=>l(x,k.start.keyHave)),T(e,n)},$$slots:{default:!0}}),E(x);var O=b(x,2);ie(O,{get from(){return B},waiting:e=>{r(e,{lines:6,height:1.5})},children:(t,n=A)=>{var r=p(),a=y(r),f=t=>{e(t,{icon:`model`,get title(){return k.start.noModels},get text(){return k.start.noModelsText}})},m=e=>{M(e,{get title(){return k.start.snippets},actions:e=>{var t=le(),r=y(t),a=e=>{{let t=D(()=>s(`/${z.org}/playground?models=${encodeURIComponent(u(J))}`));i(e,{kind:`quiet`,icon:`play`,get href(){return u(t)},children:(e,t)=>{S();var n=d();_(()=>l(n,k.playground.title)),T(e,n)},$$slots:{default:!0}})}},f=D(()=>o.may(z.org,`play-chat`));h(r,e=>{u(f)&&e(a)});var p=b(r,2);{let e=D(()=>n().data.map(e=>({value:e.name,text:e.name})));re(p,{hidden:!0,get label(){return k.start.model},get value(){return u(J)},get options(){return u(e)},onchange:e=>c(G,e,!0)})}T(e,t)},children:(e,t)=>{{let t=(e,t=A)=>{var n=p(),r=y(n);g(r,19,()=>u(X),e=>e.key,(e,n,r)=>{var i=p(),a=y(i),o=e=>{var t=ue(),i=y(t),a=v(i,!0),o=b(i,2);{let e=D(()=>u(he)[u(r)]?.text);j(o,{get text(){return u(n).text},get shown(){return u(e)},get label(){return u(n).name}})}_(()=>l(a,u(n).where)),T(e,t)};h(a,e=>{u(n).key===t()&&e(o)}),T(e,i)}),T(e,n)},n=D(()=>u(X).map(e=>({key:e.key,text:e.name})));N(e,{get label(){return k.start.snippets},get tabs(){return u(n)},get chosen(){return u(K)},set chosen(e){c(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};h(a,e=>{n().data.length===0?e(f):e(m,-1)}),T(t,r)},$$slots:{waiting:!0,default:!0}}),T(t,m)},$$slots:{actions:!0,default:!0}});var $=b(Q,2),ge=e=>{{let t=D(()=>o.organisation(z.org)?.currency??`USD`),n=D(()=>pe.data?.data??[]);F(e,{get org(){return z.org},get currency(){return u(t)},get projects(){return u(n)},onclose:()=>c(H,!1),ondone:e=>{c(U,e),c(W,``),e&&P.keep(z.org,e.key)}})}};h($,e=>{u(H)&&e(ge)});var _e=b($,2);I(_e,{get org(){return z.org},get key(){return u(U)},start:!1,onclose:()=>c(U,void 0)}),T(m,Z),x()}export{z as default};