// SPDX-License-Identifier: Apache-2.0
package io.mm4j.process.mm;

import io.mm4j.api.process.MappedFile;
import io.mm4j.process.page.FileObject;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The System V segments of a floor ({@code ipc_ids}, ipc/shm.c of Linux 6.18). A segment that was
 * removed lives until its last mapping goes, and can be attached until then; its key is free at
 * once.
 *
 * <p>Differs: an identifier is never given again.
 */
public final class Segments {
  /** {@code IPC_PRIVATE}. */
  public static final long PRIVATE = 0;

  /** {@code SHMMNI}. */
  private static final int MOST = 4096;

  /**
   * One segment.
   *
   * @param id its identifier
   * @param key by which it is found, {@link #PRIVATE} for none
   * @param bytes its size as it was asked for
   * @param mode rights, of which those of the owner count
   * @param chargedPages what it has charged
   */
  public record Segment(
      long id, long key, long bytes, long mode, long chargedPages, MappedFile file) {}

  private final Map<Long, Segment> byId = new HashMap<>();
  private final Map<Long, Segment> byKey = new HashMap<>();
  private final FloorContext context;
  private long next;

  Segments(FloorContext context) {
    this.context = context;
  }

  /** Whether there can be no more of them. */
  public boolean isFull() {
    return byId.size() >= MOST;
  }

  /** The segment of an identifier, or null. */
  public @Nullable Segment get(long id) {
    return byId.get(id);
  }

  /** The segment of a key, or null. */
  public @Nullable Segment find(long key) {
    return key == PRIVATE ? null : byKey.get(key);
  }

  /**
   * The key that leads to it, {@link #PRIVATE} for none: one that was removed has none any more.
   */
  public long keyOf(Segment segment) {
    return segment.equals(find(segment.key())) ? segment.key() : PRIVATE;
  }

  /** The file of a new one. */
  public static MappedFile file(long key, MappedFile.Kind kind, long bytes) {
    return MappedFile.sparse(String.format("/SYSV%08x (deleted)", (int) key), kind, bytes);
  }

  /** A new one, whose pages are charged or promised. */
  public Segment add(long key, long bytes, long mode, long chargedPages, MappedFile file) {
    Segment made = new Segment(next++, key, bytes, mode, chargedPages, file);
    byId.put(made.id(), made);
    if (key != PRIVATE) {
      byKey.put(key, made);
    }
    context.fileObject(file).segment();
    return made;
  }

  /** {@code IPC_RMID}: it goes with its last mapping, now if there is none. */
  public void remove(Segment segment) {
    if (segment.key() != PRIVATE) {
      byKey.remove(segment.key());
    }
    FileObject file = context.fileObject(segment.file());
    if (file.vmas().size() == 0) {
      destroy(segment);
    } else {
      file.whenUnmapped(() -> destroy(segment));
    }
  }

  private void destroy(Segment segment) {
    byId.remove(segment.id());
    context.dispose(segment.file(), segment.chargedPages());
  }
}
