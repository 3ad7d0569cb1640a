// Part of every end-to-end test file: when its tests are over, each merged answer that one of them got is judged.
import { afterAll, expect } from "vitest";
import { findAnswerProblems } from "./answer-problems.ts";
import { takeAnswers } from "./recorded-answers.ts";

afterAll(async () => {
  expect(await findAnswerProblems(takeAnswers())).toEqual([]);
}, 300_000);
