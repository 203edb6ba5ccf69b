import { expect, test } from 'vitest';
import { chooseFrame, rgbaOf } from '../../../src/media/previews/choose-frame.ts';

type Pixel = [number, number, number];
const [width, height] = [4, 2];
/** A picture of these colours in turn. */
const picture = (...colours: Pixel[]): number[] =>
  Array.from({ length: width * height }, (_, index) => colours[index % colours.length] ?? []).flat();
const framesOf = (...pictures: number[][]) => ({ width, height, rgb: Uint8Array.from(pictures.flat()) });

const black = picture([0, 0, 0]);
const white = picture([255, 255, 255]);
const grey = picture([120, 120, 120], [130, 130, 130]);
const lively = picture([20, 90, 200], [240, 180, 40], [60, 160, 60]);

test('a picture with contrast and colour is chosen before fades, cards and fog', () => {
  expect(chooseFrame(framesOf(black, grey, lively, white))).toBe(2);
  expect(chooseFrame(framesOf(black, grey, white))).toBe(1);
});

test('of equals the first from the heart of the video is chosen, not its opening or its credits', () => {
  expect(chooseFrame(framesOf(lively, lively, lively, lively, lively))).toBe(1);
});

test('what is all black still has a picture', () => {
  expect(chooseFrame(framesOf(black, black, black))).toBe(0);
  expect(chooseFrame(framesOf(black))).toBe(0);
});

test('the chosen picture is handed on with its own pixels, opaque', () => {
  expect([...rgbaOf(framesOf(black, lively), 1).subarray(0, 8)]).toEqual([20, 90, 200, 255, 240, 180, 40, 255]);
});
