import { messages } from './define'

/**
 * Why a picture is not as usual. The database writes the English sentence (048_picture_health.sql), with values where %s
 * stands: it is known again by that, and both languages have the values in the same order.
 */
export const pictureHealthText = messages(
  {
    damaged: 'The JPEG stream is broken: parts of the picture are missing or wrong.',
    frozen: 'The same picture as that of %s: the camera repeats it.',
    black: 'Nothing is to be seen: its brightness is %s of 255, and usually %s at this time of day.',
    alwaysBlack:
      'Nothing is to be seen: its brightness is %s of 255, and no picture of the last two weeks shows more.',
    white: 'Far too bright: its brightness is %s of 255, and usually %s at this time of day.',
    covered:
      'The view is gone, as if something were before the lens: %s of 64 bits differ from the usual view, up to %s do usually; its contrast is %s and its sharpness %s, nine in ten have %s and %s or more at this time of day.',
    shifted:
      'Another view, as if the camera had been turned: %s of 64 bits differ from the usual view, up to %s do usually.',
    blurred: 'Blurred: its sharpness is %s, nine in ten have %s or more at this time of day.',
  },
  {
    damaged: 'Der JPEG-Strom ist kaputt: Teile des Bildes fehlen oder sind falsch.',
    frozen: 'Dasselbe Bild wie das von %s: Die Kamera wiederholt es.',
    black: 'Nichts ist zu sehen: Die Helligkeit ist %s von 255, um diese Tageszeit sonst %s.',
    alwaysBlack:
      'Nichts ist zu sehen: Die Helligkeit ist %s von 255, und kein Bild der letzten zwei Wochen zeigt mehr.',
    white: 'Viel zu hell: Die Helligkeit ist %s von 255, um diese Tageszeit sonst %s.',
    covered:
      'Die Ansicht ist weg, als wäre etwas vor der Linse: %s von 64 Bits sind anders als sonst, gewöhnlich sind es bis zu %s; der Kontrast ist %s und die Schärfe %s, neun von zehn Bildern dieser Tageszeit haben %s und %s oder mehr.',
    shifted:
      'Eine andere Ansicht, als wäre die Kamera gedreht worden: %s von 64 Bits sind anders als sonst, gewöhnlich sind es bis zu %s.',
    blurred: 'Unscharf: Die Schärfe ist %s, neun von zehn Bildern dieser Tageszeit haben %s oder mehr.',
  },
)
