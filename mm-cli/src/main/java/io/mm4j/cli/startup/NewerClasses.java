// SPDX-License-Identifier: Apache-2.0

package io.mm4j.cli.startup;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.MethodModel;
import java.lang.classfile.MethodTransform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collections;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Gives the classes of a jar a newer version. picocli's are in the format of Java 5, which has no
 * stack maps: the JVM verifies them the slow way at each start, and cannot keep them in its
 * start-up cache. That was a third of the CPU time of a short command. Their code stays as it is.
 */
public final class NewerClasses {
  /** Without stack maps, and so not in the cache. */
  private static final int LAST_OLD_VERSION = ClassFile.JAVA_6_VERSION;

  private NewerClasses() {}

  /** Rewrites the jars named, in place; one whose classes are new enough stays as it is. */
  public static void main(String[] args) throws IOException {
    for (String arg : args) {
      rewrite(Path.of(arg));
    }
  }

  /**
   * Rewrites one jar.
   *
   * @return how many classes have another version now
   */
  static int rewrite(Path jar) throws IOException {
    Path changed = jar.resolveSibling(jar.getFileName() + ".new");
    int count;
    try (JarFile from = new JarFile(jar.toFile());
        OutputStream file = Files.newOutputStream(changed);
        JarOutputStream to = new JarOutputStream(file)) {
      count = copy(from, to);
    }
    if (count == 0) {
      Files.delete(changed);
    } else {
      Files.move(changed, jar, StandardCopyOption.REPLACE_EXISTING);
    }
    return count;
  }

  private static int copy(JarFile from, JarOutputStream to) throws IOException {
    ClassFile format =
        ClassFile.of(
            ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
            ClassFile.ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(type -> in(from, type.descriptorString()))
                    .orElse(ClassHierarchyResolver.defaultResolver())
                    .cached()));
    int count = 0;
    for (JarEntry entry : Collections.list(from.entries())) {
      byte[] bytes;
      try (InputStream in = from.getInputStream(entry)) {
        bytes = in.readAllBytes();
      }
      if (entry.getName().endsWith(".class")) {
        ClassModel model = format.parse(bytes);
        if (model.majorVersion() <= LAST_OLD_VERSION) {
          bytes = newer(format, model);
          count++;
        }
      }
      JarEntry copy = new JarEntry(entry.getName());
      copy.setTime(entry.getTime());
      to.putNextEntry(copy);
      to.write(bytes);
      to.closeEntry();
    }
    return count;
  }

  private static byte[] newer(ClassFile format, ClassModel model) {
    return format.transformClass(
        model,
        (builder, element) -> {
          switch (element) {
            case ClassFileVersion _ -> builder.withVersion(ClassFile.JAVA_8_VERSION, 0);
            // Code that is only handed on would keep its lack of stack maps.
            case MethodModel method ->
                builder.transformMethod(
                    method, MethodTransform.transformingCode(CodeBuilder::with));
            default -> builder.with(element);
          }
        });
  }

  /**
   * The class in the jar, or null: where the types meet at a branch, their parents are asked for.
   */
  private static @Nullable InputStream in(JarFile jar, String descriptor) {
    JarEntry entry = jar.getJarEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return entry == null ? null : jar.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
