/** Addresses have the names that the host asked for; answers that cannot be read, or lie, name nothing. */
import type { Machine } from '@countersign/scap';
import { CODE } from '@countersign/scap';
import { type Answer, encode, type Packet } from 'dns-packet';
import { expect, test } from 'vitest';
import { Names } from './names.ts';

const HOUR_MS = 3_600_000;

function told(bytes: Buffer, atMs = 0): Machine {
  const json = JSON.stringify({ pid: 7, comm: 'curl', bytes: bytes.toString('base64') });
  const current = {
    code: CODE.async,
    timeNs: BigInt(atMs) * 1_000_000n,
    text: (index: number) => (index === 1 ? 'answer' : json),
  };
  return { current } as unknown as Machine;
}

function answer(name: string, answers: Answer[], type: Packet['type'] = 'response'): Buffer {
  return encode({ type, id: 7, questions: [{ type: 'A', name }], answers });
}

const A = (name: string, data: string): Answer => ({ type: 'A', name, ttl: 60, data });

test('an address has the name that was asked for, through every alias', () => {
  const names = new Names();
  const answers: Answer[] = [
    { type: 'CNAME', name: 'API.example.com', ttl: 60, data: 'lb-7.cloud.example' },
    A('lb-7.cloud.example', '203.0.113.7'),
    { type: 'AAAA', name: 'lb-7.cloud.example', ttl: 60, data: '2001:DB8:0:0:0:0:0:7' },
  ];
  names.follow(told(answer('API.example.com', answers)));
  expect(names.nameOf('203.0.113.7')).toBe('api.example.com');
  expect(names.nameOf('2001:db8::7')).toBe('api.example.com');
  expect(names.nameOf('203.0.113.8')).toBe('');
});

test('the name that was asked for last wins, and is forgotten after a day', () => {
  const names = new Names();
  names.follow(told(answer('one.example.com', [A('one.example.com', '203.0.113.7')])));
  names.follow(told(answer('two.example.com', [A('two.example.com', '203.0.113.7')]), HOUR_MS));
  expect(names.nameOf('203.0.113.7')).toBe('two.example.com');
  names.follow(told(answer('other.example.com', []), 26 * HOUR_MS));
  expect(names.nameOf('203.0.113.7')).toBe('');
});

test('what cannot be read, was not an answer, or is no name of a host names nothing', () => {
  const names = new Names();
  const whole = answer('api.example.com', [A('api.example.com', '203.0.113.7')]);
  for (let length = 0; length < whole.length; length += 1) names.follow(told(whole.subarray(0, length)));
  names.follow(told(answer('api.example.com', [A('api.example.com', '203.0.113.7')], 'query')));
  names.follow(told(answer('<b>api</b>.example.com', [A('x', '203.0.113.7')])));
  names.follow(told(answer('local.example.com', [A('local.example.com', '127.0.0.1')])));
  expect(names.nameOf('203.0.113.7')).toBe('');
  expect(names.nameOf('127.0.0.1')).toBe('');
});

test('is bounded, whatever is looked up', () => {
  const names = new Names();
  for (let block = 0; block < 70; block += 1) {
    const answers = Array.from({ length: 1_000 }, (_, index) =>
      A('x.example.com', `10.${block}.${index >> 8}.${index & 255}`),
    );
    names.follow(told(answer('x.example.com', answers).subarray(0)));
  }
  // Such long answers are not told at all: nothing was learned of them.
  expect(names.nameOf('10.0.0.1')).toBe('');
  for (let number = 0; number < 66_000; number += 1) {
    const ip = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
    names.follow(told(answer('y.example.com', [A('y.example.com', ip)])));
  }
  expect(names.nameOf('10.0.0.1')).toBe('');
  expect(names.nameOf('10.1.1.207')).toBe('y.example.com');
});
