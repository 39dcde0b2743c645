// SPDX-License-Identifier: Apache-2.0

/** The rules of {@code vmalloc}. */
@NullMarked
package io.mm4j.testkit.vmalloc.rules;

import org.jspecify.annotations.NullMarked;
