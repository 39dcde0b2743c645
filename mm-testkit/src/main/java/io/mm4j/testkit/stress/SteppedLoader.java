// SPDX-License-Identifier: Apache-2.0

package io.mm4j.testkit.stress;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.ArrayStoreInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.security.CodeSource;
import org.jspecify.annotations.Nullable;

/**
 * Loads the classes of one plugin, which are those from the same place, once more, with a call of
 * {@link Steps#step} before each access and each call.
 */
final class SteppedLoader extends ClassLoader {
  private static final ClassDesc STEPS = ClassDesc.of(Steps.class.getName());

  private final @Nullable CodeSource place;
  private final ClassFile format;

  SteppedLoader(Class<?> plugin) {
    super(plugin.getClassLoader());
    place = plugin.getProtectionDomain().getCodeSource();
    format =
        ClassFile.of(
            ClassHierarchyResolverOption.of(
                ClassHierarchyResolver.ofResourceParsing(plugin.getClassLoader())));
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      if (loaded != null) {
        return loaded;
      }
      Class<?> original = super.loadClass(name, resolve);
      return isOfPlugin(original) ? define(name) : original;
    }
  }

  /** A jar that holds the API too shares the API with the kit, or no call would be possible. */
  private boolean isOfPlugin(Class<?> original) {
    return place != null
        && place.equals(original.getProtectionDomain().getCodeSource())
        && !original.equals(Steps.class)
        && !original.getName().startsWith("io.mm4j.api.");
  }

  private Class<?> define(String name) throws ClassNotFoundException {
    try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
      if (in == null) {
        throw new ClassNotFoundException(name);
      }
      ClassTransform steps = ClassTransform.transformingMethodBodies(SteppedLoader::step);
      byte[] stepped = format.transformClass(format.parse(in.readAllBytes()), steps);
      return defineClass(name, stepped, 0, stepped.length);
    } catch (IOException e) {
      throw new ClassNotFoundException(name, e);
    }
  }

  private static void step(CodeBuilder code, CodeElement element) {
    switch (element) {
      case FieldInstruction _,
          ArrayLoadInstruction _,
          ArrayStoreInstruction _,
          InvokeInstruction _,
          InvokeDynamicInstruction _ ->
          code.invokestatic(STEPS, "step", ConstantDescs.MTD_void);
      default -> {}
    }
    code.with(element);
  }
}
