// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.page;

import io.mm4j.api.process.MappedFile;
import io.mm4j.api.process.TouchOutcome;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * A page that processes map: what this floor needs of a page frame as long as frames and RAM are
 * not below it. It knows how often it is mapped and the bytes that were written.
 */
public final class Page {
  /** Which counter of the resident set it belongs to. */
  public enum Kind {
    /** Anonymous memory. */
    ANON(0),
    /** Page cache of a file. */
    FILE(1),
    /** A shared-memory object or tmpfs. */
    SHMEM(2);

    final int slot;

    Kind(int slot) {
      this.slot = slot;
    }
  }

  final Kind kind;
  int mapCount;

  /** The pages of the large folio of anonymous memory that it is part of, else null. */
  private Page @Nullable [] folio;

  /** Where unwritten bytes come from: a file's page, else zero or unknown. */
  private final MappedFile.@Nullable Content content;

  private final long contentOffset;
  private final long contentBytes;
  private final boolean unknown;
  private byte @Nullable [] written;
  private @Nullable BitSet known;

  private Page(
      Kind kind,
      MappedFile.@Nullable Content content,
      long offset,
      long contentBytes,
      boolean unknown) {
    this.kind = kind;
    this.content = content;
    this.contentOffset = offset;
    this.contentBytes = contentBytes;
    this.unknown = unknown;
  }

  /** A fresh anonymous page, all zero. */
  public static Page zeroed() {
    return new Page(Kind.ANON, null, 0, 0, false);
  }

  /** Fresh anonymous pages, all zero, that are one folio until {@link #splitFolio}. */
  public static Page[] zeroedFolio(int count) {
    Page[] pages = new Page[count];
    for (int i = 0; i < count; i++) {
      pages[i] = zeroed();
    }
    return joinFolio(pages);
  }

  /** Single anonymous pages become one folio until {@link #splitFolio}: the same array. */
  public static Page[] joinFolio(Page[] pages) {
    for (Page page : pages) {
      page.folio = pages;
    }
    return pages;
  }

  /** The pages of the large folio of anonymous memory that it is part of, else null. */
  public Page @Nullable [] folio() {
    return folio;
  }

  /** Whether it is a page of this folio. */
  public boolean isPartOf(Page[] pages) {
    return folio != null && pages[0].equals(folio[0]);
  }

  /** The folio falls into single pages. */
  public static void splitFolio(Page[] folio) {
    for (Page page : folio) {
      page.folio = null;
    }
  }

  /** Whether every byte is known to be zero. */
  public boolean isZeroFilled() {
    if (unknown || content != null) {
      return false;
    }
    if (written != null) {
      for (byte b : written) {
        if (b != 0) {
          return false;
        }
      }
    }
    return true;
  }

  /** A page of a shared-memory object, all zero. */
  public static Page zeroedShmem() {
    return new Page(Kind.SHMEM, null, 0, 0, false);
  }

  /** An anonymous page whose bytes nobody knows. */
  public static Page unknown() {
    return new Page(Kind.ANON, null, 0, 0, true);
  }

  /** A page of a file. */
  static Page ofFile(FileObject file, long index) {
    MappedFile mapped = file.mapped();
    return new Page(
        file.isShmem() ? Kind.SHMEM : Kind.FILE,
        mapped.content(),
        index << 12,
        mapped.sizeBytes(),
        mapped.content() == null);
  }

  /** Somebody outside the simulation maps it too, as every process maps the vdso. */
  public Page mappedElsewhere() {
    mapCount++;
    return this;
  }

  /** An anonymous copy, made by a write to a page that is not ours alone. */
  public Page copy() {
    Page copy = new Page(Kind.ANON, content, contentOffset, contentBytes, unknown);
    copy.written = written == null ? null : written.clone();
    copy.known = known == null ? null : (BitSet) known.clone();
    return copy;
  }

  /** Which counter it belongs to. */
  public Kind kind() {
    return kind;
  }

  /** How often it is mapped, over all processes. */
  public int mapCount() {
    return mapCount;
  }

  /** The byte at this offset in the page, or {@link TouchOutcome#UNKNOWN}. */
  public int byteAt(int offset) {
    if (written != null && (known == null || known.get(offset))) {
      return written[offset] & 255;
    }
    return original(offset);
  }

  private int original(int offset) {
    if (unknown) {
      return TouchOutcome.UNKNOWN;
    }
    if (content == null || contentOffset + offset >= contentBytes) {
      return 0;
    }
    return content.byteAt(contentOffset + offset);
  }

  /** Writes one byte. */
  public void write(int offset, int value) {
    if (written == null) {
      written = new byte[4096];
      known = new BitSet(4096);
    }
    written[offset] = (byte) value;
    if (known != null) {
      known.set(offset);
    }
  }
}
