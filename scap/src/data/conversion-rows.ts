/**
 * How events of older writers become events of today, one rule a line: `code/parameters action instructions`.
 *
 * Actions: `store` keeps the event of before the call for its end and drops it, `pass` leaves it, `store-pass` does both, `add` appends
 * parameters, `become:code` builds another type. Instructions, one for each parameter made: `oN` from the event itself, `eN` from
 * the kept one (a default when there is none, with `?` empty), `-` empty, `d` the default of its type, `c` put together in code.
 */
export const CONVERSION_ROWS = `
0/2 store
1/1 add e1?
2/0 add - - -
2/3 pass
3/4 add -
3/5 add -
4/1 store
5/1 add e0
6/2 store
7/2 add e0 e1
104/2 store
105/1 become:309 o0 e0? e1?
106/4 store
107/1 become:311 o0 e0? e1? e2? e3? -
108/1 store
109/1 become:301 o0 e0?
110/2 store
111/1 become:303 o0 e0? e1? -
112/3 store
113/2 add e0 e1 e2
124/1 store
125/1 become:367 o0 e0?
126/3 store
127/1 add e0 e1 e2
128/2 store
129/1 add e0 e1
130/2 store
131/1 add e0 e1
132/3 store
133/1 add e0 e1 e2
134/1 store
135/1 add e0
136/2 store
137/1 add e0 e1
138/1 store
139/1 add e0
140/1 store
141/3 add e0
142/1 store
143/3 add e0
144/2 store
145/5 add e0? e1?
146/1 become:152 o0 - - - - -
150/2 store
151/1 add e0 e1
151/3 add d
10/1 store
11/1 become:159 o0 e0? - - -
158/1 store
159/4 add e0?
12/0 become:154
13/8 become:155 o0 o1 o2 o3 o4 o5 o6 o7 - - - - -
154/0 become:172
155/13 become:173 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 -
172/0 become:214
173/14 become:215 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 - o13
214/0 become:230
215/15 become:231 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 - o14
230/0 become:282
231/16 become:283 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 o14 o15 -
282/0 become:288 -
283/17 become:289 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 o14 o15 o16
288/1 become:292 o0
289/17 become:293 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 o14 o15 o16 -
293/18 add -
292/1 store-pass
293/19 add -
293/20 add - - -
293/23 add - - -
293/26 add -
293/27 add -
293/28 add -
293/29 add -
293/30 add e0?
15/11 become:157 o0 o1 o2 o3 o4 o5 o6 o7 - - - - - o8 o9 o10
157/16 become:217 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 - o13 o14 o15
217/17 become:223 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 - o14 o15 o16 - -
223/20 add -
20/1 store
21/2 add e0
22/1 add d
22/2 store-pass
23/2 add e0
23/3 add e1
16/0 become:186 - - - - -
18/3 store
19/1 add e0 e1 e2
19/4 add d
24/2 store
25/1 add e0 e1
27/3 become:247 o0 o1 o2 d d
8/2 store
9/2 add e0 e1
114/3 store
115/2 add e0 e1 e2
116/1 store
117/3 add e0
118/2 store
119/2 add e0 e1
120/2 store
121/3 add e0 e1
122/3 store
123/2 add e0 e1 e2
192/3 store
193/1 add e0? e1? e2?
198/1 store
199/1 add e0?
32/2 store
33/2 add e0 e1 d
34/2 store
35/3 add e0 e1
28/2 store
29/2 add e0 e1 d
30/3 store
31/2 add e0 e1 e2
36/2 store
37/1 add e0 e1
42/3 store
43/5 add e0 e1 e2
48/3 store
49/2 add e0 e1 e2
51/0 add d - - - -
52/1 store
53/4 add d
53/5 add e0
55/0 add d - - - - -
58/0 add - -
58/2 pass
59/3 add -
59/4 add -
59/5 add -
62/2 store
63/1 add e0 e1
276/1 store
277/2 add e0?
98/2 store
99/1 become:277 o0 e0? e1?
100/1 store
101/1 become:279 o0 e0?
102/4 store
103/1 become:307 o0 e0? e1? e2? e3? - -
306/0 add - - - -
306/4 pass
307/5 add -
307/6 add -
284/1 store
285/1 add e0
64/3 store
65/1 add e0 e1 e2
70/1 store
71/1 add e0
78/1 store
79/1 add e0
80/2 store
81/2 add e1
85/1 become:83 o0
86/3 store
87/1 add e0 e1 e2
88/3 store
89/1 add e0 e1 e2
90/2 store
91/1 become:171 o0 e0? e1? -
170/3 store
171/1 add e0 e1 e2
160/6 store
161/4 add e0 e1 e2 e3 e4 e5
162/6 store
163/4 add e0 e1 e2 e3 e4 e5
164/2 store
165/4 add e0 e1
166/4 store
167/1 add e0 e1 e2 e3
168/2 store
169/0 add - - -
169/3 add e0? e1?
183/16 become:219 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 - o13 o14 o15
219/17 become:225 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 - o14 o15 o16 - -
225/20 add -
185/16 become:221 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 - o13 o14 o15
221/17 become:227 o0 o1 o2 o3 o4 o5 o6 o7 o8 o9 o10 o11 o12 o13 - o14 o15 o16 - -
227/20 add -
188/4 store
189/2 add e0 e1 e3
190/4 store
191/14 add e0 e1 e2 e3
96/1 store
97/1 add e0?
236/1 store
237/1 add e0
238/1 store
239/1 add e0
240/2 store
241/1 add e0? e1?
242/2 store
243/1 add e0 e1
250/1 store
251/8 add e0
252/4 store
253/1 add e0 e1 e2 e3
254/3 store
255/2 add e1 e2
256/1 store
257/4 add e0
259/2 become:387 o0 o1
262/3 store
263/1 add e0 e1 e2
264/1 store
265/2 add e0
228/4 become:272 c
272/1 become:324 o0
200/1 store
201/1 add e0?
294/2 store
295/1 add e0? e1?
296/1 store
297/1 become:369 o0 e0?
298/1 add d
298/2 store
299/1 add e0 e1
326/0 add - - - - -
326/5 pass
327/6 add - -
328/3 store
329/1 add e0 e1 e2
330/3 pass
331/19 add -
331/20 add - - -
331/23 add - - -
331/26 add -
331/27 add -
331/28 add -
331/29 add -
332/3 store
333/3 add e0 e1 e2
335/20 add -
374/1 store
375/1 add e0
376/1 store
377/1 add e0
194/3 store
195/1 add e0? e1? e2?
56/1 store
57/3 become:389 o0 o1 o2 d d e0
248/1 store
249/5 become:389 o0 o1 o2 o3 o4 e0
388/1 store
389/5 add e0
390/1 store
391/2 add e0
396/1 store
397/2 add e0
398/2 store
399/2 add e0 e1
`;
