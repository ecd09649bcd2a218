import{a as e,d as t,l as n,m as r,n as i,s as a,t as o,u as s}from"./index.js";import{A as c,B as l,C as u,E as d,G as f,K as p,O as m,P as h,Q as g,R as _,W as v,X as y,Y as b,at as x,it as S,j as C,k as w,m as T,nt as ee,q as E,r as D,rt as O,tt as k}from"./text.svelte.js";import{c as te,i as ne,n as A,v as re,y as ie}from"./load.svelte.js";import{i as ae,n as j,r as M,t as N}from"./NewSecret.js";import{i as oe,n as P,r as F,t as se}from"./Tabs.js";function I({origin:e,key:t,model:n}){let r=`${e}/v1`;return[{key:`curl`,name:`curl`,where:`shell`,text:`curl ${r}/chat/completions \\
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
Model ID: ${n}`},{key:`opencode`,name:`opencode`,where:`opencode.json`,text:JSON.stringify({$schema:`https://opencode.ai/config.json`,provider:{sluice:{npm:`@ai-sdk/openai-compatible`,name:`Sluice`,options:{baseURL:r,apiKey:t},models:{[n]:{name:n}}}},model:`sluice/${n}`},null,2)}]}var ce=C(`<a class="balance svelte-1xg2z3v"><span class="quiet svelte-1xg2z3v"> </span> <!></a> <!>`,1),le=C(`<div><!></div>`),ue=C(`<!> <!> <details class="svelte-1xg2z3v"><summary class="quiet svelte-1xg2z3v"> </summary> <!></details>`,1),de=C(`<p class="where quiet mono svelte-1xg2z3v"> </p> <!>`,1),fe=C(`<div class="three svelte-1xg2z3v"><!> <!></div> <!>`,1),L=C(`<!> <!> <!>`,1);function R(C,R){ee(R,!0);let z=A(e=>t(s.GET(`/models`,{params:{query:{limit:1e3}},signal:e}))),B=A(e=>t(s.GET(`/organisations/{organisation}/balance`,{params:{path:{organisation:R.org}},signal:e}))),pe=A(e=>t(s.GET(`/projects`,{params:{query:{organisation:R.org,limit:1e3}},signal:e}))),me=g(()=>n.may(R.org,`create-key`)),V=y(!1),H=y(void 0),U=y(``),W=y(``),G=y(`curl`),K=g(()=>_(U).trim()||j.of(R.org)),q=g(()=>_(W)||z.data?.data[0]?.name||``),J=g(()=>_(K)?`${_(K).slice(0,6)}…${_(K).slice(-4)}`:`$SLUICE_API_KEY`),Y=g(()=>I({origin:location.origin,key:_(K)||`$SLUICE_API_KEY`,model:_(q)})),X=g(()=>I({origin:location.origin,key:_(J),model:_(q)}));var Z=L(),Q=f(Z);re(Q,{get title(){return D.start.title},get text(){return D.start.text},narrow:!0,actions:e=>{var t=c(),n=f(t),i=e=>{var t=ce(),n=f(t),i=v(n),a=p(i,!0),o=E(i,2);oe(o,{get value(){return B.data.available},get currency(){return B.data.currency}}),S(n);var s=E(n,2),c=e=>{ie(e,{kind:`warn`,children:(e,t)=>{O();var n=h();l(()=>m(n,D.start.empty)),w(e,n)},$$slots:{default:!0}})},u=g(()=>ne(B.data.available,`0`)<=0);d(s,e=>{_(u)&&e(c)}),l(e=>{T(n,`href`,e),m(a,D.start.balance)},[()=>r(`/${R.org}/balance`)]),w(e,t)};d(n,e=>{B.data&&e(i)}),w(e,t)},children:(t,n)=>{var r=fe(),s=f(r),y=v(s);F(y,{get title(){return D.start.baseUrl},get text(){return D.start.baseUrlText},children:(e,t)=>{M(e,{text:`${location.origin}/v1`,get label(){return D.start.baseUrl}})},$$slots:{default:!0}});var C=E(y,2);F(C,{get title(){return D.start.key},get text(){return D.start.keyText},children:(e,t)=>{var n=ue(),r=f(n),i=e=>{M(e,{get text(){return _(K)},get shown(){return _(J)},get label(){return D.start.key}})};d(r,e=>{_(K)&&e(i)});var s=E(r,2),c=e=>{var t=le(),n=v(t);{let e=g(()=>_(K)?`plain`:`primary`);a(n,{get kind(){return _(e)},icon:`plus`,onclick:()=>b(V,!0),children:(e,t)=>{O();var n=h();l(()=>m(n,D.start.keyMake)),w(e,n)},$$slots:{default:!0}})}S(t),w(e,t)};d(s,e=>{_(me)&&e(c)});var u=E(s,2),y=v(u),x=p(y,!0),C=E(y,2);o(C,{get label(){return D.start.key},type:`password`,autocomplete:`off`,placeholder:`sk-…`,get help(){return D.start.keyStays},get value(){return _(U)},set value(e){b(U,e,!0)}}),S(u),l(()=>m(x,D.start.keyHave)),w(e,n)},$$slots:{default:!0}}),S(s);var T=E(s,2);P(T,{get from(){return z},waiting:e=>{i(e,{lines:6,height:1.5})},children:(t,n=x)=>{var r=c(),i=f(r),a=t=>{e(t,{icon:`model`,get title(){return D.start.noModels},get text(){return D.start.noModelsText}})},o=e=>{F(e,{get title(){return D.start.snippets},actions:e=>{{let t=g(()=>n().data.map(e=>({value:e.name,text:e.name})));te(e,{hidden:!0,get label(){return D.start.model},get value(){return _(q)},get options(){return _(t)},onchange:e=>b(W,e,!0)})}},children:(e,t)=>{{let t=(e,t=x)=>{var n=c(),r=f(n);u(r,19,()=>_(Y),e=>e.key,(e,n,r)=>{var i=c(),a=f(i),o=e=>{var t=de(),i=f(t),a=p(i,!0),o=E(i,2);{let e=g(()=>_(X)[_(r)]?.text);M(o,{get text(){return _(n).text},get shown(){return _(e)},get label(){return _(n).name}})}l(()=>m(a,_(n).where)),w(e,t)};d(a,e=>{_(n).key===t()&&e(o)}),w(e,i)}),w(e,n)},n=g(()=>_(Y).map(e=>({key:e.key,text:e.name})));se(e,{get label(){return D.start.snippets},get tabs(){return _(n)},get chosen(){return _(G)},set chosen(e){b(G,e,!0)},children:t,$$slots:{default:!0}})}},$$slots:{actions:!0,default:!0}})};d(i,e=>{n().data.length===0?e(a):e(o,-1)}),w(t,r)},$$slots:{waiting:!0,default:!0}}),w(t,r)},$$slots:{actions:!0,default:!0}});var $=E(Q,2),he=e=>{{let t=g(()=>n.organisation(R.org)?.currency??`USD`),r=g(()=>pe.data?.data??[]);ae(e,{get org(){return R.org},get currency(){return _(t)},get projects(){return _(r)},onclose:()=>b(V,!1),ondone:e=>{b(H,e),b(U,``),e&&j.keep(R.org,e.key)}})}};d($,e=>{_(V)&&e(he)});var ge=E($,2);N(ge,{get org(){return R.org},get key(){return _(H)},start:!1,onclose:()=>b(H,void 0)}),w(C,Z),k()}export{R as default};