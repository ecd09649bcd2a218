import{d as e,h as t,i as n,l as r,n as i,o as a,t as o,u as s}from"./index.js";import{A as c,B as l,H as u,I as d,J as f,K as p,M as m,N as h,O as g,Q as _,T as v,Y as y,Z as b,at as x,et as S,h as C,it as w,j as T,ot as E,q as D,r as O,rt as k,st as A}from"./text.svelte.js";import{h as ee,m as te,n as j}from"./load.svelte.js";import{t as M}from"./Code.js";import{t as ne}from"./Money.js";import{t as N}from"./Section.js";import{t as P}from"./Select.js";import{t as F}from"./Load.js";import{t as re}from"./Tabs.js";import{n as I,r as ie,t as ae}from"./NewSecret.js";import{n as oe}from"./amount.js";function L({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var se=h(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),ce=h(`<div><!></div>`),le=h(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),ue=h(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),de=h(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),R=h(`<!> <!> <!>`,1);function z(h,z){w(z,!0);let B=j(t=>e(s.GET(`/models`,{params:{query:{limit:1e3}},signal:t}))),V=j(t=>e(s.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:z.org}},signal:t}))),fe=j(t=>e(s.GET(`/projects`,{params:{query:{organisation:z.org,limit:1e3}},signal:t}))),pe=S(()=>r.may(z.org,`create-key`)),H=_(!1),U=_(void 0),W=_(``),G=_(``),K=_(`curl`),q=S(()=>l(W).trim()||I.of(z.org)),J=S(()=>l(G)||B.data?.data[0]?.name||``),Y=S(()=>l(q)?`${l(q).slice(0,6)}…${l(q).slice(-4)}`:`sk-your-key`),X=S(()=>L({origin:location.origin,key:l(q)||`sk-your-key`,model:l(J)})),me=S(()=>L({origin:location.origin,key:l(Y),model:l(J)}));var Z=R(),Q=D(Z);te(Q,{get title(){return O.start.title},get text(){return O.start.text},narrow:!0,actions:e=>{var n=m(),r=D(n),i=e=>{var n=se(),r=D(n),i=p(r),a=f(i,!0),o=y(i,2);ne(o,{get value(){return V.data.available},get currency(){return V.data.currency}}),E(r);var s=y(r,2),m=e=>{ee(e,{kind:`warn`,children:(e,t)=>{x();var n=d();u(()=>c(n,O.start.empty)),T(e,n)},$$slots:{default:!0}})},h=S(()=>oe(V.data.available,`0`)<=0);g(s,e=>{l(h)&&e(m)}),u(e=>{C(r,`href`,e),c(a,O.start.balance)},[()=>t(`/${z.org}/balance`)]),T(e,n)};g(r,e=>{V.data&&e(i)}),T(e,n)},children:(e,t)=>{var r=de(),s=D(r),h=p(s);N(h,{get title(){return O.start.baseUrl},get text(){return O.start.baseUrlText},children:(e,t)=>{M(e,{text:`${location.origin}/v1`,get label(){return O.start.baseUrl}})},$$slots:{default:!0}});var _=y(h,2);N(_,{get title(){return O.start.key},get text(){return O.start.keyText},children:(e,t)=>{var n=le(),r=D(n),i=e=>{M(e,{get text(){return l(q)},get shown(){return l(Y)},get label(){return O.start.key}})};g(r,e=>{l(q)&&e(i)});var s=y(r,2),m=e=>{var t=ce(),n=p(t);{let e=S(()=>l(q)?`plain`:`primary`);a(n,{get kind(){return l(e)},icon:`plus`,onclick:()=>b(H,!0),children:(e,t)=>{x();var n=d();u(()=>c(n,O.start.keyMake)),T(e,n)},$$slots:{default:!0}})}E(t),T(e,t)};g(s,e=>{l(pe)&&e(m)});var h=y(s,2),_=p(h),v=f(_,!0),C=y(_,2);o(C,{get label(){return O.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return O.start.keyStays},get value(){return l(W)},set value(e){b(W,e,!0)}}),E(h),u(()=>c(v,O.start.keyHave)),T(e,n)},$$slots:{default:!0}}),E(s);var C=y(s,2);F(C,{get from(){return B},waiting:e=>{i(e,{lines:6,height:1.5})},children:(e,t=A)=>{var r=m(),i=D(r),a=e=>{n(e,{icon:`model`,get title(){return O.start.noModels},get text(){return O.start.noModelsText}})},o=e=>{N(e,{get title(){return O.start.snippets},actions:e=>{{let n=S(()=>t().data.map(e=>({value:e.name,text:e.name})));P(e,{hidden:!0,get label(){return O.start.model},get value(){return l(J)},get options(){return l(n)},onchange:e=>b(G,e,!0)})}},children:(e,t)=>{{let t=(e,t=A)=>{var n=m(),r=D(n);v(r,19,()=>l(X),e=>e.key,(e,n,r)=>{var i=m(),a=D(i),o=e=>{var t=ue(),i=D(t),a=f(i,!0),o=y(i,2);{let e=S(()=>l(me)[l(r)]?.text);M(o,{get text(){return l(n).text},get shown(){return l(e)},get label(){return l(n).name}})}u(()=>c(a,l(n).where)),T(e,t)};g(a,e=>{l(n).key===t()&&e(o)}),T(e,i)}),T(e,n)},n=S(()=>l(X).map(e=>({key:e.key,text:e.name})));re(e,{get label(){return O.start.snippets},get tabs(){return l(n)},get chosen(){return l(K)},set chosen(e){b(K,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};g(i,e=>{t().data.length===0?e(a):e(o,-1)}),T(e,r)},$$slots:{waiting:!0,default:!0}}),T(e,r)},$$slots:{actions:!0,default:!0}});var $=y(Q,2),he=e=>{{let t=S(()=>r.organisation(z.org)?.currency??`USD`),n=S(()=>fe.data?.data??[]);ie(e,{get org(){return z.org},get currency(){return l(t)},get projects(){return l(n)},onclose:()=>b(H,!1),ondone:e=>{b(U,e),b(W,``),e&&I.keep(z.org,e.key)}})}};g($,e=>{l(H)&&e(he)});var ge=y($,2);ae(ge,{get org(){return z.org},get key(){return l(U)},start:!1,onclose:()=>b(U,void 0)}),T(h,Z),k()}export{z as default};