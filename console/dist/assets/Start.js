import{a as e,c as t,l as n,m as r,r as i,t as a,u as o}from"./index.js";import{A as s,B as c,C as l,E as u,G as d,K as f,O as p,P as m,Q as h,R as g,W as _,X as v,Y as y,at as b,it as x,j as S,k as C,m as w,nt as ee,q as T,r as E,rt as D,tt as O}from"./text.svelte.js";import{i as te,n as k,r as ne}from"./load.svelte.js";import{t as A}from"./Code.js";import{t as re}from"./Field.js";import{t as ie}from"./Money.js";import{t as j}from"./Section.js";import{t as M}from"./Select.js";import{t as N}from"./Load.js";import{t as ae}from"./Tabs.js";import{n as P,r as F,t as oe}from"./NewSecret.js";import{n as se}from"./amount.js";function I({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var ce=S(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),le=S(`<div><!></div>`),ue=S(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),de=S(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),L=S(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),R=S(`<!> <!> <!>`,1);function z(S,z){ee(z,!0);let B=k(e=>o(n.GET(`/models`,{params:{query:{limit:1e3}},signal:e}))),V=k(e=>o(n.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:e}))),fe=k(e=>o(n.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:e}))),pe=h(()=>t.may(z.org,`create-key`)),H=v(!1),U=v(void 0),W=v(``),G=v(``),K=v(`curl`),q=h(()=>g(W).trim()||P.of(z.org)),J=h(()=>g(G)||B.data?.data[0]?.name||``),Y=h(()=>g(q)?`${g(q).slice(0,6)}…${g(q).slice(-4)}`:`$SLUICE_API_KEY`),X=h(()=>I({origin:location.origin,key:g(q)||`$SLUICE_API_KEY`,model:g(J)})),me=h(()=>I({origin:location.origin,key:g(Y),model:g(J)}));var Z=R(),Q=d(Z);te(Q,{get title(){return E.start.title},get text(){return E.start.text},narrow:!0,actions:e=>{var t=s(),n=d(t),i=e=>{var t=ce(),n=d(t),i=_(n),a=f(i,!0),o=T(i,2);ie(o,{get value(){return V.data.available},get currency(){return V.data.currency}}),x(n);var s=T(n,2),l=e=>{ne(e,{kind:`warn`,children:(e,t)=>{D();var n=m();c(()=>p(n,E.start.empty)),C(e,n)},$$slots:{default:!0}})},v=h(()=>se(V.data.available,`0`)<=0);u(s,e=>{g(v)&&e(l)}),c(e=>{w(n,`href`,e),p(a,E.start.balance)},[()=>r(`/${z.org}/balance`)]),C(e,t)};u(n,e=>{V.data&&e(i)}),C(e,t)},children:(t,n)=>{var r=L(),o=d(r),v=_(o);j(v,{get title(){return E.start.baseUrl},get text(){return E.start.baseUrlText},children:(e,t)=>{A(e,{text:`${location.origin}/v1`,get label(){return E.start.baseUrl}})},$$slots:{default:!0}});var S=T(v,2);j(S,{get title(){return E.start.key},get text(){return E.start.keyText},children:(t,n)=>{var r=ue(),i=d(r),a=e=>{A(e,{get text(){return g(q)},get shown(){return g(Y)},get label(){return E.start.key}})};u(i,e=>{g(q)&&e(a)});var o=T(i,2),s=t=>{var n=le(),r=_(n);{let t=h(()=>g(q)?`plain`:`primary`);e(r,{get kind(){return g(t)},icon:`plus`,onclick:()=>y(H,!0),children:(e,t)=>{D();var n=m();c(()=>p(n,E.start.keyMake)),C(e,n)},$$slots:{default:!0}})}x(n),C(t,n)};u(o,e=>{g(pe)&&e(s)});var l=T(o,2),v=_(l),b=f(v,!0),S=T(v,2);re(S,{get label(){return E.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return E.start.keyStays},get value(){return g(W)},set value(e){y(W,e,!0)}}),x(l),c(()=>p(b,E.start.keyHave)),C(t,r)},$$slots:{default:!0}}),x(o);var w=T(o,2);N(w,{get from(){return B},waiting:e=>{a(e,{lines:6,height:1.5})},children:(e,t=b)=>{var n=s(),r=d(n),a=e=>{i(e,{icon:`model`,get title(){return E.start.noModels},get text(){return E.start.noModelsText}})},o=e=>{j(e,{get title(){return E.start.snippets},actions:e=>{{let n=h(()=>t().data.map(e=>({value:e.name,text:e.name})));M(e,{hidden:!0,get label(){return E.start.model},get value(){return g(J)},get options(){return g(n)},onchange:e=>y(G,e,!0)})}},children:(e,t)=>{{let t=(e,t=b)=>{var n=s(),r=d(n);l(r,19,()=>g(X),e=>e.key,(e,n,r)=>{var i=s(),a=d(i),o=e=>{var t=de(),i=d(t),a=f(i,!0),o=T(i,2);{let e=h(()=>g(me)[g(r)]?.text);A(o,{get text(){return g(n).text},get shown(){return g(e)},get label(){return g(n).name}})}c(()=>p(a,g(n).where)),C(e,t)};u(a,e=>{g(n).key===t()&&e(o)}),C(e,i)}),C(e,n)},n=h(()=>g(X).map(e=>({key:e.key,text:e.name})));ae(e,{get label(){return E.start.snippets},get tabs(){return g(n)},get chosen(){return g(K)},set chosen(e){y(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};u(r,e=>{t().data.length===0?e(a):e(o,-1)}),C(e,n)},$$slots:{waiting:!0,default:!0}}),C(t,r)},$$slots:{actions:!0,default:!0}});var $=T(Q,2),he=e=>{{let n=h(()=>t.organisation(z.org)?.currency??`USD`),r=h(()=>fe.data?.data??[]);F(e,{get org(){return z.org},get currency(){return g(n)},get projects(){return g(r)},onclose:()=>y(H,!1),ondone:e=>{y(U,e),y(W,``),e&&P.keep(z.org,e.key)}})}};u($,e=>{g(H)&&e(he)});var ge=T($,2);oe(ge,{get org(){return z.org},get key(){return g(U)},start:!1,onclose:()=>y(U,void 0)}),C(S,Z),O()}export{z as default};