// SPDX-License-Identifier: Apache-2.0
package io.mm4j.replay;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import io.mm4j.api.plugin.Nearest;
import io.mm4j.replay.text.KnownText;
import io.mm4j.replay.text.WebText;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** Finds recordings in files and folders. */
public final class Recordings {
  /** What may be given, as error messages state it. */
  public static final String ALLOWED =
      "a *.vma.gz or *.vma file, a kmem folder (it holds pages.txt.gz), a vmap folder"
          + " (it holds events.txt.gz and start.txt), strace text (*.strace), a"
          + " dump of /proc/PID/maps, or a folder of recordings; to explain, also a log with"
          + " 'page allocation failure' or 'invoked oom-killer' in it";

  private static final String KMEM_PAGES = "pages.txt.gz";
  private static final String VMAP_EVENTS = "events.txt.gz";
  private static final int SNIFFED_BYTES = 1 << 16;
  private static final int MOST_NAMES = 10_000;
  private static final Pattern STRACE_LINE =
      Pattern.compile(
          "(?m)^.{0,90}?\\b(?:SYS_)?[a-z_][a-z0-9_]*(?:@SYS)?\\(.*(?:\\)\\s*=\\s*(?:-?[0-9]|\\?|E[A-Z])|<unfinished"
              + " \\.\\.\\.>)");
  private static final Pattern MAPS_LINE =
      Pattern.compile(
          "(?m)^(?:.{0,80}[\\s>|])?[0-9a-f]{4,16}-[0-9a-f]{4,16} [r-][w-][x-][ps] [0-9a-f]{8}");

  private Recordings() {}

  /**
   * The recordings that the paths name, each once: in the order of the paths, and within a folder
   * and its subfolders in the order of their names. A file named outright may have any name, its
   * first bytes then tell its kind. In a folder only the endings count, so notes beside recordings
   * do no harm; a kmem or vmap folder is one recording and is not searched further. A symbolic link
   * to a folder is followed when named outright, not inside a folder.
   *
   * @param paths files and folders; at least one
   * @return at least one recording
   * @throws InputException a path that does not exist or cannot be read, a file that is no
   *     recording, a folder without any
   */
  public static List<Recording> find(Collection<Path> paths) {
    if (paths.isEmpty()) {
      throw new InputException("no recording given", "the list of paths", ALLOWED);
    }
    Map<Path, Recording> found = new LinkedHashMap<>();
    for (Path path : paths) {
      if (!Files.exists(path)) {
        throw new InputException(
            "no such file or folder" + nearest(path), path.toString(), ALLOWED);
      }
      if (!Files.isDirectory(path)) {
        found.putIfAbsent(path, new Recording(path, kindOfFile(path)));
        continue;
      }
      List<Recording> inFolder = new ArrayList<>();
      search(path, inFolder);
      if (inFolder.isEmpty()) {
        throw new InputException("no recording in this folder", path.toString(), ALLOWED);
      }
      inFolder.forEach(recording -> found.putIfAbsent(recording.path(), recording));
    }
    return List.copyOf(found.values());
  }

  /**
   * What a text is that nobody here can read: a summary, a binary file, another system's.
   *
   * @param allowed what is read in its place
   * @return null if it is of no kind that is known
   */
  public static @Nullable InputException known(String text, String where, String allowed) {
    return KnownText.known(text, where, allowed);
  }

  /** The name in its folder that was meant, perhaps. */
  private static String nearest(Path path) {
    Path folder = path.toAbsolutePath().getParent();
    Path name = path.getFileName();
    if (folder == null || name == null || !Files.isDirectory(folder)) {
      return "";
    }
    try (Stream<Path> list = Files.list(folder)) {
      List<String> names =
          list.limit(MOST_NAMES).map(p -> String.valueOf(p.getFileName())).toList();
      return Nearest.hint(name.toString(), names);
    } catch (IOException | UncheckedIOException e) {
      return ""; // a hint less
    }
  }

  private static void search(Path folder, List<Recording> found) {
    if (Files.isRegularFile(folder.resolve(KMEM_PAGES))) {
      found.add(new Recording(folder, RecordingKind.KMEM));
      return;
    }
    if (Files.isRegularFile(folder.resolve(VMAP_EVENTS))) {
      found.add(new Recording(folder, RecordingKind.VMAP));
      return;
    }
    List<Path> entries;
    try (Stream<Path> list = Files.list(folder)) {
      entries = list.sorted().toList();
    } catch (IOException | UncheckedIOException e) {
      throw new InputException(
          "cannot list the folder: " + WhyNot.of(e), folder.toString(), ALLOWED);
    }
    for (Path entry : entries) {
      if (Files.isDirectory(entry)) {
        if (!Files.isSymbolicLink(entry)) {
          search(entry, found);
        }
      } else if (Files.isRegularFile(entry)) {
        RecordingKind kind = kindOfName(entry);
        if (kind != null) {
          found.add(new Recording(entry, kind));
        }
      }
    }
  }

  private static @Nullable RecordingKind kindOfName(Path file) {
    String name = String.valueOf(file.getFileName());
    if (name.endsWith(".vma.gz") || name.endsWith(".vma")) {
      return RecordingKind.VMA;
    }
    if (name.endsWith(".strace") || name.endsWith(".strace.gz")) {
      return RecordingKind.STRACE;
    }
    return null;
  }

  private static RecordingKind kindOfFile(Path file) {
    RecordingKind byName = kindOfName(file);
    if (byName != null) {
      return byName;
    }
    String start = WebText.plain(new String(firstBytes(file), StandardCharsets.ISO_8859_1));
    if (start.startsWith("VMACORPUS ")) {
      return RecordingKind.VMA;
    }
    if (STRACE_LINE.matcher(start).find()) {
      return RecordingKind.STRACE;
    }
    if (MAPS_LINE.matcher(start).find()) {
      return RecordingKind.MAPS;
    }
    throw KnownText.refusal(start, file.toString(), ALLOWED);
  }

  /** The first bytes of a file, unpacked if they are gzip. */
  private static byte[] firstBytes(Path file) {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
      in.mark(2);
      boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      try (InputStream text = gzip ? new GZIPInputStream(in) : in) {
        return text.readNBytes(SNIFFED_BYTES);
      }
    } catch (IOException e) {
      throw new InputException("cannot read it: " + WhyNot.of(e), file.toString(), ALLOWED);
    }
  }
}
