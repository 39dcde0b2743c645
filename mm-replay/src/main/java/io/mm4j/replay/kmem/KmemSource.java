// SPDX-License-Identifier: Apache-2.0

package io.mm4j.replay.kmem;

import io.mm4j.api.InputException;
import io.mm4j.api.WhyNot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Where the files of one recording come from: a folder, or the recording that is bundled with this
 * module. Files are opened by their name inside the recording, {@code snap/buddyinfo.before}.
 */
public abstract class KmemSource {
  /** The file whose presence makes a folder a recording. */
  public static final String PAGES = "pages.txt.gz";

  private static final String BUNDLED = "/io/mm4j/replay/bundled/kmem/";
  private static final long SMALL_FILE = 8L << 20;

  /** A source is a folder or comes with this module. */
  KmemSource() {}

  /** A recording in a folder. Nothing is opened yet. */
  public static KmemSource folder(Path folder) {
    return new Folder(folder);
  }

  /** Name and character of what comes with this module; the first is what is run by default. */
  private static final Map<String, String> COMES_WITH_IT = new LinkedHashMap<>();

  static {
    COMES_WITH_IT.put("tar_gzip", "packs and unpacks header files: page cache that comes and goes");
    COMES_WITH_IT.put("net_loopback", "sends over loopback: short-lived pages, few of them kept");
    COMES_WITH_IT.put("frag_pipe", "300 MiB of pipe buffers where 22 GiB are free");
    COMES_WITH_IT.put("frag_mix", "pipes and a process in fragmented memory: 8308 pages stolen");
    COMES_WITH_IT.put("frag_sock", "sockets, page tables and pipes in fragmented memory");
    COMES_WITH_IT.put("frag_inode", "60,000 new files in fragmented memory: reclaimable slabs");
  }

  /** The names of the recordings that come with this module. */
  public static List<String> bundledNames() {
    return List.copyOf(COMES_WITH_IT.keySet());
  }

  /** What a recording that comes with this module shows, in a few words. */
  public static String bundledAbout(String name) {
    return COMES_WITH_IT.getOrDefault(name, "");
  }

  /**
   * A recording that comes with this module.
   *
   * @throws InputException if there is none of this name
   */
  public static KmemSource bundled(String name) {
    if (!bundledNames().contains(name)) {
      throw new InputException(
          "no bundled recording is called '" + name + "'",
          "the recording's name",
          String.join(", ", bundledNames()));
    }
    return new Bundled(name);
  }

  /** The last part of the recording's name. */
  public abstract String name();

  /** The recording as messages and verdicts call it. */
  public abstract String label();

  /** A file of it as messages call it. */
  public abstract String where(String file);

  /** Opens a file, or returns null if the recording has no such file. */
  abstract @Nullable InputStream open(String file) throws IOException;

  /** Opens a file about the machine: next to the recording, else the bundled copy. */
  abstract @Nullable InputStream openMachine(String file) throws IOException;

  /**
   * The same recording, which keeps its packed files unpacked in memory once they were read, up to
   * 32 MiB of them: for several replays, one after the other. One thread.
   */
  public final KmemSource keeping() {
    return new Kept(this);
  }

  /** A packed file, unpacked, if this source keeps it; else null. */
  @Nullable InputStream kept(String file) {
    return null;
  }

  /** Opens a file that the replay cannot do without. */
  final InputStream require(String file) {
    try {
      InputStream in = open(file);
      if (in == null) {
        throw new InputException("the file is missing", where(file), "a file of this name");
      }
      return in;
    } catch (IOException e) {
      throw new InputException(
          "cannot open it: " + WhyNot.of(e), where(file), "a file that can be read");
    }
  }

  /** The lines of a small text file, or null if there is none. */
  final @Nullable List<String> lines(String file) {
    try {
      return text(open(file), where(file));
    } catch (IOException e) {
      throw new InputException(
          "cannot read it: " + WhyNot.of(e), where(file), "a file that can be read");
    }
  }

  /**
   * The lines of a file of {@code machine/}: looked for in the recording's folder, its parent and
   * its grandparent, else the bundled copy.
   *
   * @param file a name such as {@code sysctl_vm.txt}
   * @return null if there is none at all
   */
  public final @Nullable List<String> machineLines(String file) {
    try {
      return text(openMachine(file), where("machine/" + file));
    } catch (IOException e) {
      throw new InputException(
          "cannot read it: " + WhyNot.of(e), where("machine/" + file), "a file that can be read");
    }
  }

  private static @Nullable List<String> text(@Nullable InputStream in, String where)
      throws IOException {
    if (in == null) {
      return null;
    }
    try (in) {
      byte[] bytes = in.readNBytes((int) SMALL_FILE);
      if (bytes.length == SMALL_FILE) {
        throw new InputException(
            "the file is very long", where, "at most " + SMALL_FILE + " bytes");
      }
      return new String(bytes, StandardCharsets.ISO_8859_1).lines().toList();
    }
  }

  private static final class Folder extends KmemSource {
    private final Path folder;

    Folder(Path folder) {
      this.folder = folder;
    }

    @Override
    public String name() {
      Path last = folder.toAbsolutePath().normalize().getFileName();
      return last == null ? folder.toString() : last.toString();
    }

    @Override
    public String label() {
      return folder.toString();
    }

    @Override
    public String where(String file) {
      return folder.resolve(file).toString();
    }

    @Override
    @Nullable InputStream open(String file) throws IOException {
      return openIfThere(folder.resolve(file));
    }

    @Override
    @Nullable InputStream openMachine(String file) throws IOException {
      Path at = folder.toAbsolutePath().normalize();
      for (int up = 0; up < 3 && at != null; up++, at = at.getParent()) {
        InputStream in = openIfThere(at.resolve("machine").resolve(file));
        if (in != null) {
          return in;
        }
      }
      return KmemSource.class.getResourceAsStream(BUNDLED + "machine/" + file);
    }

    private static @Nullable InputStream openIfThere(Path path) throws IOException {
      return Files.isRegularFile(path) ? Files.newInputStream(path) : null;
    }
  }

  private static final class Kept extends KmemSource {
    private static final int MOST_BYTES = 32 << 20;
    private static final byte[] NONE = {};

    private final KmemSource source;
    private final Map<String, byte[]> files = new HashMap<>();
    private int left = MOST_BYTES;

    Kept(KmemSource source) {
      this.source = source;
    }

    @Override
    public String name() {
      return source.name();
    }

    @Override
    public String label() {
      return source.label();
    }

    @Override
    public String where(String file) {
      return source.where(file);
    }

    @Override
    @Nullable InputStream open(String file) throws IOException {
      return source.open(file);
    }

    @Override
    @Nullable InputStream openMachine(String file) throws IOException {
      return source.openMachine(file);
    }

    @Override
    @Nullable InputStream kept(String file) {
      byte[] bytes = files.computeIfAbsent(file, this::unpacked);
      return bytes.length == 0 ? null : new ByteArrayInputStream(bytes);
    }

    private byte[] unpacked(String file) {
      try (InputStream in = new GZIPInputStream(source.require(file), 1 << 15)) {
        byte[] bytes = in.readNBytes(left + 1);
        if (bytes.length <= left) {
          left -= bytes.length;
          return bytes;
        }
      } catch (IOException e) {
        return NONE; // whoever reads it line by line says where it is broken
      }
      return NONE;
    }
  }

  private static final class Bundled extends KmemSource {
    private final String name;

    Bundled(String name) {
      this.name = name;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public String label() {
      return "bundled:" + name;
    }

    @Override
    public String where(String file) {
      return label() + "/" + file;
    }

    @Override
    @Nullable InputStream open(String file) {
      return KmemSource.class.getResourceAsStream(BUNDLED + name + "/" + file);
    }

    @Override
    @Nullable InputStream openMachine(String file) {
      return KmemSource.class.getResourceAsStream(BUNDLED + "machine/" + file);
    }
  }
}
