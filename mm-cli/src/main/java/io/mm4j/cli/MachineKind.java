// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static java.util.stream.Collectors.joining;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.memory.Architecture;
import io.mm4j.api.memory.MemoryMapText;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.replay.Recordings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code --machine} names: an architecture, a memory map, or both, {@code x86-32:FILE}.
 *
 * @param architecture x86-64 if only a map is named
 * @param file the file of the map, or null
 */
record MachineKind(Architecture architecture, @Nullable String file) {
  private static final long MAX_MAP_BYTES = 16 << 20;

  /** Reads the option; whether the file is there is seen by {@link #readMap}. */
  static MachineKind of(String text) {
    for (Architecture architecture : Architecture.values()) {
      if (text.equals(architecture.id())) {
        return new MachineKind(architecture, null);
      }
      if (text.startsWith(architecture.id() + ":")) {
        return new MachineKind(architecture, text.substring(architecture.id().length() + 1));
      }
    }
    return new MachineKind(Architecture.X86_64, text);
  }

  /** Reads a map. */
  static MemoryMapText.Found readMap(String file) {
    String names =
        Arrays.stream(Architecture.values()).map(Architecture::id).collect(joining(", "));
    String allowed =
        names
            + ", a file with a memory map (e820 lines of a boot log, /proc/iomem), or x86-32:FILE";
    try {
      Path path = Path.of(file);
      if (!Files.isRegularFile(path)) {
        List<String> ids = Arrays.stream(Architecture.values()).map(Architecture::id).toList();
        throw new InputException(
            "there is no machine '" + file + "'" + Nearest.hint(file, ids), "--machine", allowed);
      }
      if (Files.size(path) > MAX_MAP_BYTES) {
        throw new InputException("'" + file + "' is too long for a map", "--machine", "up to 16M");
      }
      String text = new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1);
      return map(text, "--machine " + file);
    } catch (IOException | InvalidPathException e) {
      throw new InputException("cannot read '" + file + "': " + WhyNot.of(e), "--machine", allowed);
    }
  }

  private static MemoryMapText.Found map(String text, String where) {
    try {
      return MemoryMapText.read(text, where);
    } catch (InputException e) {
      InputException known =
          text.contains("e820") ? null : Recordings.known(text, where, e.allowed());
      throw known == null ? e : known;
    }
  }
}
