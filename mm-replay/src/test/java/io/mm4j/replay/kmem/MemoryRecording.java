// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** A recording held in memory, to be changed by tests. */
final class MemoryRecording extends KmemSource {
  private static final List<String> FILES =
      List.of(
          PAGES,
          FreeBlocks.BEFORE,
          FreeBlocks.AFTER,
          RecordedZones.FILE,
          "snap/buddyinfo.before",
          "snap/buddyinfo2.before",
          "snap/buddyinfo.after",
          "snap/buddyinfo2.after",
          Fallbacks.TYPES_BEFORE);

  final Map<String, byte[]> files = new TreeMap<>();

  /** A copy of the bundled recording. */
  static MemoryRecording bundled() {
    MemoryRecording copy = new MemoryRecording();
    KmemSource source = KmemSource.bundled("tar_gzip");
    for (String file : FILES) {
      try (InputStream in = source.require(file)) {
        copy.files.put(file, in.readAllBytes());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return copy;
  }

  MemoryRecording copy() {
    MemoryRecording copy = new MemoryRecording();
    copy.files.putAll(files);
    return copy;
  }

  /** A file as it is stored. */
  byte[] bytesOf(String file) {
    byte[] bytes = files.get(file);
    if (bytes == null) {
      throw new IllegalArgumentException("file=" + file);
    }
    return bytes;
  }

  /** The lines of a file, unpacked if its name says so. */
  List<String> textOf(String file) {
    byte[] bytes = bytesOf(file);
    try (InputStream in =
        file.endsWith(".gz")
            ? new GZIPInputStream(new ByteArrayInputStream(bytes))
            : new ByteArrayInputStream(bytes)) {
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Replaces a file, packed if its name says so. */
  MemoryRecording with(String file, List<String> lines) {
    StringBuilder text = new StringBuilder();
    lines.forEach(line -> text.append(line).append('\n'));
    return with(file, text.toString().getBytes(StandardCharsets.ISO_8859_1));
  }

  MemoryRecording with(String file, byte[] text) {
    files.put(file, file.endsWith(".gz") ? gzip(text) : text);
    return this;
  }

  static byte[] gzip(byte[] text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream packed =
        new GZIPOutputStream(out) {
          {
            def.setLevel(1);
          }
        }) {
      packed.write(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public String label() {
    return "memory";
  }

  @Override
  public String where(String file) {
    return "memory/" + file;
  }

  @Override
  @Nullable InputStream open(String file) {
    byte[] bytes = files.get(file);
    return bytes == null ? null : new ByteArrayInputStream(bytes);
  }

  @Override
  @Nullable InputStream openMachine(String file) {
    return null;
  }
}
