import { Link } from '@tanstack/react-router'
import { Picture } from '@/shared/components/picture'
import { When } from '@/shared/components/when'
import { useText } from '@/shared/messages/define'
import { overviewText } from '@/shared/messages/overview'
import type { NewPicture } from './overview'
import css from './overview.module.css'

export function NewestPictures({ pictures }: { readonly pictures: readonly NewPicture[] }) {
  const text = useText(overviewText)
  return (
    <section className={css.pictures}>
      <header className={css.sectionHeader}>
        <h2>{text.pictures}</h2>
        <Link to="/gallery">{text.allPictures}</Link>
      </header>
      {pictures.length === 0 ? (
        <p className={css.soft}>{text.noPictures}</p>
      ) : (
        <ul className={css.grid}>
          {pictures.map((picture, place) => (
            <li key={picture.capture_id} className={css.picture}>
              <Link to="/gallery" search={{ picture: picture.capture_id }}>
                <Picture path={picture.thumbnail_path} alt="" eager={place < 6} />
                <span className={css.caption}>
                  <span className={css.name}>{picture.name ?? picture.device_id}</span>
                  <span className={css.soft}>
                    <When at={picture.captured_at} siteZone={picture.timezone} />
                  </span>
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
