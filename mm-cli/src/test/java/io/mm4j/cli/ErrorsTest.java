// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.mm4j.api.machine.PluginInfo;
import io.mm4j.api.machine.PluginRegistry;
import io.mm4j.api.machine.Spi;
import io.mm4j.api.page.FrameAllocator;
import io.mm4j.api.page.FrameAllocatorProvider;
import io.mm4j.api.plugin.PluginProvider;
import io.mm4j.cli.text.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose bug an internal error is. */
class ErrorsTest {
  private static String internal(int code, String type, String... callers) {
    var text = new ByteArrayOutputStream();
    var stream = new PrintStream(text, true, StandardCharsets.UTF_8);
    var thrown = new IllegalStateException("boom");
    thrown.setStackTrace(
        Stream.concat(Stream.of(type), Arrays.stream(callers))
            .map(each -> new StackTraceElement(each, "allocate", "NextFit.java", 41))
            .toArray(StackTraceElement[]::new));
    assertEquals(code, Errors.bug(new Io(stream, stream, Terminal.none()), thrown, "run"));
    return text.toString(StandardCharsets.UTF_8);
  }

  @Test
  void aPluginsIsItsAuthors() {
    String theirs = internal(1, "org.example.nextfit.NextFit");
    assertTrue(theirs.contains("a bug of that plugin"), theirs);
    assertFalse(theirs.contains("issue tracker"), theirs);
    String ours = internal(3, "io.mm4j.buddy.buddy.Buddy");
    assertTrue(ours.contains("issue tracker"), ours);
    assertTrue(internal(3, "java.util.Arrays").contains("issue tracker"));
    internal(1, "java.util.Objects", "org.example.nextfit.NextFit", "io.mm4j.buddy.buddy.Buddy");
    internal(3, "java.util.Objects", "io.mm4j.buddy.buddy.Buddy", "org.example.nextfit.NextFit");
  }

  /** A frame allocator that gives the frame beside the right one. */
  private static final class Beside {
    private static FrameAllocator of(FrameAllocator real) {
      return instead(
          FrameAllocator.class,
          real,
          (name, pfn) -> name.equals("allocate") && (long) pfn >= 0 ? (long) pfn ^ 1 : pfn);
    }

    private static PluginRegistry in(PluginRegistry registry) {
      Map<Spi<?>, List<? extends PluginProvider>> providers = new HashMap<>();
      for (Spi<?> spi : Spi.all()) {
        providers.put(spi, registry.plugins(spi).stream().map(each -> changed(each)).toList());
      }
      return PluginRegistry.of(providers);
    }

    private static PluginProvider changed(PluginInfo plugin) {
      return plugin.provider() instanceof FrameAllocatorProvider real
          ? instead(
              FrameAllocatorProvider.class,
              real,
              (name, made) -> made instanceof FrameAllocator frames ? of(frames) : made)
          : plugin.provider();
    }

    private static <T> T instead(Class<T> type, T real, BinaryOperator<Object> change) {
      return type.cast(
          Proxy.newProxyInstance(
              type.getClassLoader(),
              new Class<?>[] {type},
              (proxy, called, arguments) -> {
                try {
                  Object result = called.invoke(real, arguments);
                  return result == null ? null : change.apply(called.getName(), result);
                } catch (InvocationTargetException e) {
                  throw e.getCause();
                }
              }));
    }
  }

  @Test
  void anExplanationOfWrongFramesSaysSo() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Io io =
        new Io(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Terminal.none(),
            Beside::in);
    assertEquals(1, Main.run(io, "explain", "alloc_pages GFP_KERNEL 0"), err::toString);
    assertTrue(out.size() > 0, "what it was is shown");
    Cli.assertHas(err.toString(StandardCharsets.UTF_8), "a structure contradicts itself");
  }

  @Test
  void whyAFileCannotBeReadIsSaid(@TempDir Path dir) throws IOException {
    Cli.assertHas(
        Cli.folded(2, "explain", "mmap", "4K", "--maps", dir.toString()), "this is a folder");
    Cli.assertHas(
        Cli.folded(2, "explain", "mmap", "4K", "--maps", "/dev/null"), "this is no regular file");
    Cli.assertHas(
        Cli.folded(2, "explain", "@" + dir + "/missing"), "missing': No such file or directory");
    Path wide = dir.resolve("wide");
    Files.write(wide, "mmap 4K\n".getBytes(StandardCharsets.UTF_16));
    Path script = Files.copy(wide, dir.resolve("wide.mm"));
    Path log = Files.copy(wide, dir.resolve("wide.strace"));
    for (String[] words :
        new String[][] {
          {"explain", "@" + wide},
          {"explain", "mmap 4K", "--maps", wide.toString()},
          {"run", script.toString()},
          {"replay", log.toString()}
        }) {
      Cli.assertHas(Cli.folded(2, words), "written in UTF-16", wide.toString());
    }
    Cli.assertHas(
        Cli.folded(2, "new-plugin", "my", "--spi", "slab"), "three words, and these are 2");
    Path nothing = Files.createFile(dir.resolve("empty.strace"));
    Cli.assertHas(Cli.folded(2, "replay", nothing.toString()), "the file is empty");
    Path empty = Files.createFile(dir.resolve("empty.maps"));
    String text = Cli.folded(2, "explain", "mmap", "4K", "--maps", empty.toString());
    Cli.assertHas(text, "there is no line of maps");
    assertFalse(text.contains("line 0"), text);
  }

  @Test
  void aTraceOfNothingHasNoHeader() {
    Cli cli = Cli.mm("trace", "explain");
    assertEquals(2, cli.code());
    assertEquals("", cli.out());
  }

  @Test
  void benchmarksAreNotBuiltForAWrongCommandLine() {
    System.setProperty("mm.bench.check", "true");
    try {
      assertEquals(new Cli(0, "", ""), Cli.mm("bench", "page", "--rounds", "5"));
      assertEquals(2, Cli.mm("bench", "page", "--nonsense").code());
      assertEquals(2, Cli.mm("bench", "pages").code());
    } finally {
      System.clearProperty("mm.bench.check");
    }
  }
}
