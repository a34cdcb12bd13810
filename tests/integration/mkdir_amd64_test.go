package integration

const sysMkdir = 83
