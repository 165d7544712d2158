import { describe, expect, it } from 'vitest'
import { csvOf } from './csv'

interface Row {
  readonly name: string
  readonly value: number | null
}
const columns = [
  { name: 'device', value: ({ name }: Row) => name },
  { name: 'temperature', unit: '°C', value: ({ value }: Row) => value },
]

describe('a table as CSV', () => {
  it('names the units, and leaves out what is not known', () => {
    expect(
      csvOf(
        columns,
        [
          { name: 'North', value: -3.5 },
          { name: 'South', value: null },
        ],
        'en',
      ),
    ).toBe('device,temperature (°C)\r\nNorth,-3.5\r\nSouth,\r\n')
  })

  it('is one that a German spreadsheet opens', () => {
    const rows = [
      { name: 'North, left', value: -3.5 },
      { name: 'South; right', value: 1200 },
    ]
    expect(csvOf(columns, rows, 'de')).toBe(
      'device;temperature (°C)\r\n"North, left";-3,5\r\n"South; right";1200\r\n',
    )
    expect(csvOf(columns, [{ name: '=1,5', value: null }], 'de')).toContain('"\'=1,5";\r\n')
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '＝1'])('makes no formula of %j', (name) => {
    expect(csvOf(columns, [{ name, value: 1 }], 'en').split('\r\n')[1]).toBe(`'${name},1`)
  })

  it('quotes what would end a cell or a line', () => {
    expect(csvOf(columns, [{ name: '=A1,"x"\n', value: 1 }], 'en')).toContain('"\'=A1,""x""\n",1\r\n')
  })
})
