import { messages } from './define'

export const deviceStatesText = messages(
  {
    names: {
      lost: 'Lost',
      failing: 'Failing',
      late: 'Late',
      battery: 'Low battery',
      new: 'Never heard',
      asleep: 'As expected',
    },
    /** In a sentence, with what is known of it. */
    told: {
      lost: (since: string) => `Last heard ${since}`,
      failing: () => 'Its pictures fail',
      late: (due: string) => `Was due ${due}`,
      battery: (percent: string) => `Battery at ${percent}`,
      new: () => 'Nothing was heard of it yet',
      asleep: (until: string) => `Asleep, wakes ${until}`,
      awake: () => 'Awake, or wakes soon',
    },
    wakes: (came: number, expected: number) => `Last 14 days: ${came} of ${expected} wakes came`,
    noWakes: 'Last 14 days: nothing to tell',
    day: (day: string, came: number, expected: number) => `${day}: ${came} of ${expected} came`,
    dayUnplanned: (day: string, came: number) => `${day}: ${came} came`,
    dayFailed: (failed: number) => `, ${failed} failed`,
  },
  {
    names: {
      lost: 'Verschollen',
      failing: 'Fehlerhaft',
      late: 'Verspätet',
      battery: 'Batterie schwach',
      new: 'Nie gehört',
      asleep: 'Wie erwartet',
    },
    told: {
      lost: (since) => `Zuletzt gehört ${since}`,
      failing: () => 'Seine Bilder misslingen',
      late: (due) => `War ${due} fällig`,
      battery: (percent) => `Batterie bei ${percent}`,
      new: () => 'Noch nie etwas gehört',
      asleep: (until) => `Schläft, wacht ${until} auf`,
      awake: () => 'Wach, oder wacht bald auf',
    },
    wakes: (came, expected) => `Letzte 14 Tage: ${came} von ${expected} Aufwachzeiten kamen`,
    noWakes: 'Letzte 14 Tage: nichts zu berichten',
    day: (day, came, expected) => `${day}: ${came} von ${expected} kamen`,
    dayUnplanned: (day, came) => `${day}: ${came} kamen`,
    dayFailed: (failed) => `, ${failed} misslungen`,
  },
)
