// SPDX-License-Identifier: Apache-2.0

/** A program that uses mm-process. */
package org.example.useprocess;
