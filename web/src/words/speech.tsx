/**
 * Speaking to people: the chosen language, sentences with parameters, times in their zone or in UTC.
 *
 * The surprise: what lies in `localStorage` is only language and zone; nothing that signs in is ever kept by scripts.
 */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { en, type Words } from './en.ts';
import { ja } from './ja.ts';

export type Language = 'en' | 'ja';

const WORDS: Readonly<Record<Language, Words>> = { en, ja };
const LANGUAGE_KEY = 'countersign.language';
const ZONE_KEY = 'countersign.utc';

export interface Speech {
  readonly words: Words;
  readonly language: Language;
  readonly utc: boolean;
  /** Chooses the language of this browser, for good. */
  readonly setLanguage: (language: Language) => void;
  /** Speaks it on this page alone. */
  readonly speak: (language: Language) => void;
  readonly setUtc: (utc: boolean) => void;
  /** Date and time, whole. */
  readonly absolute: (iso: string) => string;
  /** Day and time of day, as short as a column wants it. */
  readonly brief: (iso: string) => string;
  /** "4 minutes ago". */
  readonly relative: (iso: string, nowMs: number) => string;
  readonly number: (value: number) => string;
  /** "Ann, Ben". */
  readonly list: (texts: readonly string[]) => string;
}

const SpeechContext = createContext<Speech | null>(null);

export function SpeechProvider({ children }: { readonly children: ReactNode }) {
  const [language, speak] = useState<Language>(preferredLanguage);
  const [utc, setUtc] = useState(() => localStorage.getItem(ZONE_KEY) === 'yes');
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem(ZONE_KEY, utc ? 'yes' : 'no');
  }, [language, utc]);
  const setLanguage = useCallback((chosen: Language) => {
    localStorage.setItem(LANGUAGE_KEY, chosen);
    speak(chosen);
  }, []);
  const speech = useMemo(
    () => createSpeech(language, utc, { setLanguage, speak, setUtc }),
    [language, utc, setLanguage],
  );
  return <SpeechContext value={speech}>{children}</SpeechContext>;
}

export function useSpeech(): Speech {
  const speech = useContext(SpeechContext);
  if (speech === null) throw new Error('useSpeech outside SpeechProvider');
  return speech;
}

/** Fills `{name}`; a name without a value stays as it is, so that a missing one is seen. */
export function fill(sentence: string, parameters: Readonly<Record<string, unknown>>): string {
  return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = parameters[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : whole;
  });
}

function preferredLanguage(): Language {
  const stored = localStorage.getItem(LANGUAGE_KEY);
  if (stored === 'en' || stored === 'ja') return stored;
  return navigator.language.startsWith('ja') ? 'ja' : 'en';
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

function createSpeech(language: Language, utc: boolean, set: Pick<Speech, 'setLanguage' | 'speak' | 'setUtc'>): Speech {
  const zone = utc ? { timeZone: 'UTC' } : {};
  const dates = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium', ...zone });
  const briefs = new Intl.DateTimeFormat(language, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...zone,
  });
  const relatives = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const numbers = new Intl.NumberFormat(language);
  const lists = new Intl.ListFormat(language, { type: 'conjunction', style: 'narrow' });
  return {
    words: WORDS[language],
    language,
    utc,
    ...set,
    absolute: (iso) => `${dates.format(new Date(iso))}${utc ? ' UTC' : ''}`,
    brief: (iso) => briefs.format(new Date(iso)),
    relative: (iso, nowMs) => {
      const seconds = (Date.parse(iso) - nowMs) / 1_000;
      const [unit, size] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? ['second', 1];
      return relatives.format(Math.trunc(seconds / size), unit);
    },
    number: (value) => numbers.format(value),
    list: (texts) => lists.format(texts),
  };
}
