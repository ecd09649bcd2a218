function e(e,n){return[e,...n].map(e=>e.map(t).join(`,`)).join(`\r
`)+`\r
`}function t(e){let t=/^[=+@\t\r]|^-(?![\d.]+$)/.test(e)?`'`+e:e;return/[",\r\n]/.test(t)?`"`+t.replaceAll(`"`,`""`)+`"`:t}function n(e,t,n){let r=URL.createObjectURL(new Blob([n],{type:t})),i=document.createElement(`a`);i.href=r,i.download=e,i.click(),setTimeout(()=>URL.revokeObjectURL(r),1e3)}export{n,e as t};