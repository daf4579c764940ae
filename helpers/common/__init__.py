"""What several notebooks need.

Checks of what a reader answers: `questions` (and the score), `judging`, `running` (of code),
`sentences` (in the reader's language). What is seen: `picture` (every figure), `page` (HTML around
it), `explore` (sliders and their printed twins), `progress` (bars). `require`: what a front
door asks. `streams`: what a command writes to. `waiting`: threads in each other's way.
"""
