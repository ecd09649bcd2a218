import{d as e,h as t,i as n,l as r,n as i,o as a,t as o,u as s}from"./index.js";import{$ as c,A as l,B as u,I as d,J as f,M as p,N as m,O as h,Q as g,T as _,U as v,X as y,Y as b,at as x,ct as S,h as C,it as ee,j as w,ot as T,q as E,r as D,st as O,tt as k}from"./text.svelte.js";import{t as te}from"./Badge.js";import{t as A}from"./Code.js";import{t as ne}from"./Money.js";import{f as re}from"./format.js";import{t as j}from"./Section.js";import{t as M}from"./Select.js";import{t as N}from"./Load.js";import{t as ie}from"./Tabs.js";import{n as P,r as ae,t as F}from"./NewSecret.js";import{n as oe}from"./amount.js";import{n as I}from"./load.svelte.js";function L({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var se=m(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),ce=m(`<div><!></div>`),le=m(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),ue=m(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),de=m(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),R=m(`<!> <!> <!>`,1);function z(m,z){x(z,!0);let B=I(t=>e(s.GET(`/models`,{params:{query:{limit:1e3}},signal:t}))),V=I(t=>e(s.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:t}))),fe=I(t=>e(s.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:t}))),pe=k(()=>r.may(z.org,`create-key`)),H=c(!1),U=c(void 0),W=c(``),G=c(``),K=c(`curl`),q=k(()=>u(W).trim()||P.of(z.org)),J=k(()=>u(G)||B.data?.data[0]?.name||``),Y=k(()=>u(q)?`${u(q).slice(0,6)}…${u(q).slice(-4)}`:`sk-your-key`),X=k(()=>L({origin:location.origin,key:u(q)||`sk-your-key`,model:u(J)})),me=k(()=>L({origin:location.origin,key:u(Y),model:u(J)}));var Z=R(),Q=f(Z);re(Q,{get title(){return D.start.title},get text(){return D.start.text},narrow:!0,actions:e=>{var n=p(),r=f(n),i=e=>{var n=se(),r=f(n),i=E(r),a=b(i,!0),o=y(i,2);ne(o,{get value(){return V.data.available},get currency(){return V.data.currency}}),O(r);var s=y(r,2),c=e=>{te(e,{kind:`warn`,children:(e,t)=>{T();var n=d();v(()=>l(n,D.start.empty)),w(e,n)},$$slots:{default:!0}})},p=k(()=>oe(V.data.available,`0`)<=0);h(s,e=>{u(p)&&e(c)}),v(e=>{C(r,`href`,e),l(a,D.start.balance)},[()=>t(`/${z.org}/balance`)]),w(e,n)};h(r,e=>{V.data&&e(i)}),w(e,n)},children:(e,t)=>{var r=de(),s=f(r),c=E(s);j(c,{get title(){return D.start.baseUrl},get text(){return D.start.baseUrlText},children:(e,t)=>{A(e,{text:`${location.origin}/v1`,get label(){return D.start.baseUrl}})},$$slots:{default:!0}});var m=y(c,2);j(m,{get title(){return D.start.key},get text(){return D.start.keyText},children:(e,t)=>{var n=le(),r=f(n),i=e=>{A(e,{get text(){return u(q)},get shown(){return u(Y)},get label(){return D.start.key}})};h(r,e=>{u(q)&&e(i)});var s=y(r,2),c=e=>{var t=ce(),n=E(t);{let e=k(()=>u(q)?`plain`:`primary`);a(n,{get kind(){return u(e)},icon:`plus`,onclick:()=>g(H,!0),children:(e,t)=>{T();var n=d();v(()=>l(n,D.start.keyMake)),w(e,n)},$$slots:{default:!0}})}O(t),w(e,t)};h(s,e=>{u(pe)&&e(c)});var p=y(s,2),m=E(p),_=b(m,!0),x=y(m,2);o(x,{get label(){return D.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return D.start.keyStays},get value(){return u(W)},set value(e){g(W,e,!0)}}),O(p),v(()=>l(_,D.start.keyHave)),w(e,n)},$$slots:{default:!0}}),O(s);var x=y(s,2);N(x,{get from(){return B},waiting:e=>{i(e,{lines:6,height:1.5})},children:(e,t=S)=>{var r=p(),i=f(r),a=e=>{n(e,{icon:`model`,get title(){return D.start.noModels},get text(){return D.start.noModelsText}})},o=e=>{j(e,{get title(){return D.start.snippets},actions:e=>{{let n=k(()=>t().data.map(e=>({value:e.name,text:e.name})));M(e,{hidden:!0,get label(){return D.start.model},get value(){return u(J)},get options(){return u(n)},onchange:e=>g(G,e,!0)})}},children:(e,t)=>{{let t=(e,t=S)=>{var n=p(),r=f(n);_(r,19,()=>u(X),e=>e.key,(e,n,r)=>{var i=p(),a=f(i),o=e=>{var t=ue(),i=f(t),a=b(i,!0),o=y(i,2);{let e=k(()=>u(me)[u(r)]?.text);A(o,{get text(){return u(n).text},get shown(){return u(e)},get label(){return u(n).name}})}v(()=>l(a,u(n).where)),w(e,t)};h(a,e=>{u(n).key===t()&&e(o)}),w(e,i)}),w(e,n)},n=k(()=>u(X).map(e=>({key:e.key,text:e.name})));ie(e,{get label(){return D.start.snippets},get tabs(){return u(n)},get chosen(){return u(K)},set chosen(e){g(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};h(i,e=>{t().data.length===0?e(a):e(o,-1)}),w(e,r)},$$slots:{waiting:!0,default:!0}}),w(e,r)},$$slots:{actions:!0,default:!0}});var $=y(Q,2),he=e=>{{let t=k(()=>r.organisation(z.org)?.currency??`USD`),n=k(()=>fe.data?.data??[]);ae(e,{get org(){return z.org},get currency(){return u(t)},get projects(){return u(n)},onclose:()=>g(H,!1),ondone:e=>{g(U,e),g(W,``),e&&P.keep(z.org,e.key)}})}};h($,e=>{u(H)&&e(he)});var ge=y($,2);F(ge,{get org(){return z.org},get key(){return u(U)},start:!1,onclose:()=>g(U,void 0)}),w(m,Z),ee()}export{z as default};